# Draws waterfall-dynamic-0.7.svg, waterfall-dynamic-0.7.pdf and waterfall-dynamic-0.7.png from waterfall-dynamic-0.7.csv: gnuplot waterfall-dynamic-0.7.gp
set encoding utf8
set datafile separator comma
data = 'waterfall-dynamic-0.7.csv'
set border 3 linewidth 0.8
set tics nomirror scale 0.6
set grid linetype 1 linecolor rgb '#b0b0b0' linewidth 0.3
set style fill transparent solid 0.22 noborder
set linetype 1 linecolor rgb '#d55e00' linewidth 2 pointtype 7 pointsize 0.4
set linetype 2 linecolor rgb '#0072b2' linewidth 2 pointtype 7 pointsize 0.4
set linetype 3 linecolor rgb '#009e73' linewidth 2 pointtype 7 pointsize 0.4
set linetype 4 linecolor rgb '#cc79a7' linewidth 2 pointtype 7 pointsize 0.4
set linetype 5 linecolor rgb '#e69f00' linewidth 2 pointtype 7 pointsize 0.4
set linetype 6 linecolor rgb '#56b4e9' linewidth 2 pointtype 7 pointsize 0.4
set linetype 7 linecolor rgb '#000000' linewidth 2 pointtype 7 pointsize 0.4
set linetype cycle 7
array faint[7] = ['#80d55e00', '#800072b2', '#80009e73', '#80cc79a7', '#80e69f00', '#8056b4e9', '#80000000']

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 760,407 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,4.239583333333333 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,814 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'waterfall-dynamic-0.7.'.format
set multiplot
set xtics 2
set xlabel 'ms' offset 0,0.3
set yrange [-0.6:8.6]
set label 'dynamic-0.7, float32, cpu, 2 threads, compact: what takes the time that is not saved?' at screen 0.5,0.9656019656019657 center
set lmargin at screen 0.19736842105263158
set rmargin at screen 0.5789473684210527
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [20.062765:26.694544]
set label 'as trained' at graph 0.5,1 center offset 0,3.9
set label 'λ 0.700, batch 32' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 2.77 of dense 29.0 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: −17.1 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '20.6 ms' at first 20.702326,8 left offset 1.2,0 font ',12'
set label '+0.644' at first 21.354887,7 left offset 0.6,0 font ',12'
set label '+0.106' at first 21.413701,6 left offset 0.6,0 font ',12'
set label '+0.917' at first 22.588802,5 left offset 0.6,0 font ',12'
set label '+0.0226' at first 22.326235,4 left offset 0.6,0 font ',12'
set label '+0.895' at first 24.622114,3 left offset 0.6,0 font ',12'
set label '+0.660' at first 24.205886,2 left offset 0.6,0 font ',12'
set label '−0.474' at first 23.874009,1 left offset 0.6,0 font ',12'
set label '23.4 ms' at first 23.653649,0 left offset 1.2,0 font ',12'
set ytics ('theoretical time' 8, 'fixed parts' 7, 'attention' 6, 'narrow products' 5, 'gather and scatter' 4, 'compact path' 3, 'routers' 2, 'unexplained' 1, 'measured time' 0)
plot data skip 1 every ::0::7 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::0::0 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::1::1 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::2::2 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::3::3 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::4::4 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::5::5 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::6::6 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::7::7 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::8::8 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::0::8 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
set lmargin at screen 0.5973684210526315
set rmargin at screen 0.9789473684210527
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [20.187521:26.8193]
set label 'as much, by chance' at graph 0.5,1 center offset 0,3.9
set label 'λ 0.705, batch 32' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 2.96 of dense 29.0 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: −3.80 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '20.8 ms' at first 20.828453,8 left offset 1.2,0 font ',12'
set label '+0.687' at first 21.550518,7 left offset 0.6,0 font ',12'
set label '+0.0293' at first 21.480755,6 left offset 0.6,0 font ',12'
set label '+0.660' at first 22.253092,5 left offset 0.6,0 font ',12'
set label '+0.0195' at first 22.168952,4 left offset 0.6,0 font ',12'
set label '+0.895' at first 24.452171,3 left offset 0.6,0 font ',12'
set label '+0.780' at first 24.482131,2 left offset 0.6,0 font ',12'
set label '−0.112' at first 24.142097,1 left offset 0.6,0 font ',12'
set label '23.7 ms' at first 24.265773,0 left offset 1.2,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::12::19 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::12::12 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::13::13 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::14::14 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::15::15 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::16::16 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::17::17 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::18::18 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::19::19 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::20::20 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::12::20 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
unset multiplot
unset output
}
