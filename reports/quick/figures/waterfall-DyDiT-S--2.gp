# Draws waterfall-DyDiT-S--2.svg, waterfall-DyDiT-S--2.pdf and waterfall-DyDiT-S--2.png from waterfall-DyDiT-S--2.csv: gnuplot waterfall-DyDiT-S--2.gp
set encoding utf8
set datafile separator comma
data = 'waterfall-DyDiT-S--2.csv'
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
set output 'waterfall-DyDiT-S--2.'.format
set multiplot
set xtics 10
set xlabel 'ms' offset 0,0.3
set yrange [-0.6:8.6]
set label 'DyDiT-S/2, float32, cpu, 2 threads, compact: what takes the time that is not saved?' at screen 0.5,0.9656019656019657 center
set lmargin at screen 0.19736842105263158
set rmargin at screen 0.44561403508771924
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [87.501643:114.66368]
set label 'heads and channels' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 4' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 4.30 of dense 178 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 35.8 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '90.0 ms' at first 90.451936,8 left offset 1.2,0 font ',12'
set label '+2.66' at first 92.790126,7 left offset 0.6,0 font ',12'
set label '−0.553' at first 92.693096,6 left offset 0.6,0 font ',12'
set label '+1.05' at first 93.965911,5 left offset 0.6,0 font ',12'
set label '+0.0314' at first 93.219354,4 left offset 0.6,0 font ',12'
set label '−1.82' at first 93.417448,3 left offset 0.6,0 font ',12'
set label '+1.40' at first 95.080647,2 left offset 0.6,0 font ',12'
set label '+1.54' at first 99.674155,1 left offset 0.6,0 font ',12'
set label '94.3 ms' at first 97.079573,0 left offset 1.2,0 font ',12'
set ytics ('theoretical time' 8, 'fixed parts' 7, 'attention' 6, 'narrow products' 5, 'gather and scatter' 4, 'compact path' 3, 'routers' 2, 'unexplained' 1, 'measured time' 0)
plot data skip 1 every ::0::7 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::0::0 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::1::1 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::2::2 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::3::3 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::4::4 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::5::5 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::6::6 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::7::7 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::8::8 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::0::8 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
set lmargin at screen 0.4640350877192982
set rmargin at screen 0.7122807017543858
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [122.95347:150.1155]
set label 'tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 4' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 10.2 of dense 178 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 7.33 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '126 ms' at first 126.18354,8 left offset 1.2,0 font ',12'
set label '+1.60' at first 127.35321,7 left offset 0.6,0 font ',12'
set label '+0.963' at first 128.47797,6 left offset 0.6,0 font ',12'
set label '+5.23' at first 134.92315,5 left offset 0.6,0 font ',12'
set label '+0.105' at first 133.58822,4 left offset 0.6,0 font ',12'
set label '−1.82' at first 133.7054,3 left offset 0.6,0 font ',12'
set label '+3.33' at first 137.28056,2 left offset 0.6,0 font ',12'
set label '+0.745' at first 141.62737,1 left offset 0.6,0 font ',12'
set label '136 ms' at first 138.02915,0 left offset 1.2,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::12::19 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::12::12 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::13::13 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::14::14 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::15::15 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::16::16 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::17::17 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::18::18 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::19::19 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::20::20 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::12::20 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
set lmargin at screen 0.7307017543859649
set rmargin at screen 0.9789473684210525
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [61.273932:88.435967]
set label 'heads, channels and tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 4' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 6.43 of dense 178 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 33.0 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '63.5 ms' at first 63.745725,8 left offset 1.2,0 font ',12'
set label '+3.23' at first 66.726243,7 left offset 0.6,0 font ',12'
set label '+0.0399' at first 67.085235,6 left offset 0.6,0 font ',12'
set label '+1.94' at first 68.902031,5 left offset 0.6,0 font ',12'
set label '+0.0679' at first 68.834427,4 left offset 0.6,0 font ',12'
set label '−1.82' at first 68.929578,3 left offset 0.6,0 font ',12'
set label '+0.846' at first 68.970825,2 left offset 0.6,0 font ',12'
set label '+2.12' at first 71.471458,1 left offset 0.6,0 font ',12'
set label '69.9 ms' at first 71.475776,0 left offset 1.2,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::24::31 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::24::24 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::25::25 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::26::26 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::27::27 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::28::28 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::29::29 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::30::30 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::31::31 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::32::32 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::24::32 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
unset multiplot
unset output
}
