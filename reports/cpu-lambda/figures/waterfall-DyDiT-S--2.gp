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
set linetype 7 linecolor rgb '#505050' linewidth 2 pointtype 7 pointsize 0.4
set linetype cycle 7
array faint[7] = ['#80d55e00', '#800072b2', '#80009e73', '#80cc79a7', '#80e69f00', '#8056b4e9', '#80505050']

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 760,407 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,4.239583333333333 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,814 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'waterfall-DyDiT-S--2.'.format
set multiplot
set xtics 20
set xlabel 'ms' offset 0,0.3
set yrange [-0.6:8.6]
set label 'DyDiT-S/2, float32, cpu, 2 threads, compact: what takes the time that is not saved?' at screen 0.5,0.9656019656019657 center
set lmargin at screen 0.19736842105263158
set rmargin at screen 0.44561403508771924
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [243.41389:362.50267]
set label 'heads and channels' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 8' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 19.4 ms, dense 520 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 114 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '263 ms' at first 276.66702,8 left offset 0.6,0 font ',12'
set label '+3.07' at first 267.21123,7 left offset 0.6,0 font ',12'
set label '−1.62' at first 267.62466,6 left offset 0.6,0 font ',12'
set label '+12.2' at first 283.89052,5 left offset 0.6,0 font ',12'
set label '+0.0443' at first 276.65548,4 left offset 0.6,0 font ',12'
set label '+12.7' at first 312.47381,3 left offset 0.6,0 font ',12'
set label '+15.2' at first 311.71534,2 left offset 0.6,0 font ',12'
set label '−22.1' at first 304.51159,1 left offset 0.6,0 font ',12'
set label '282 ms' at first 295.21095,0 left offset 0.6,0 font ',12'
set ytics ('theoretical time' 8, 'fixed parts' 7, 'attention' 6, 'narrow products' 5, 'gather and scatter' 4, 'compact path' 3, 'routers' 2, 'unexplained' 1, 'measured time' 0)
plot data skip 1 every ::0::7 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::0::0 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::1::1 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::2::2 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::3::3 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::4::4 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::5::5 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
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
set xrange [342.20313:461.29191]
set label 'tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 8' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 29.8 ms, dense 520 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 6.42 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '367 ms' at first 385.62045,8 left offset 0.6,0 font ',12'
set label '+0.841' at first 368.43546,7 left offset 0.6,0 font ',12'
set label '+6.06' at first 376.60059,6 left offset 0.6,0 font ',12'
set label '+2.91' at first 388.3623,5 left offset 0.6,0 font ',12'
set label '+0.0780' at first 376.49429,4 left offset 0.6,0 font ',12'
set label '+12.7' at first 412.22556,3 left offset 0.6,0 font ',12'
set label '+9.12' at first 408.65234,2 left offset 0.6,0 font ',12'
set label '−1.91' at first 424.07667,1 left offset 0.6,0 font ',12'
set label '396 ms' at first 408.24594,0 left offset 0.6,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::9::16 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::9::9 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::10::10 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::11::11 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::12::12 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::13::13 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::14::14 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::15::15 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::16::16 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::17::17 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::9::17 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
set lmargin at screen 0.7307017543859649
set rmargin at screen 0.9789473684210525
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [169.1937:288.28248]
set label 'heads, channels and tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 8' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 20.2 ms, dense 520 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 54.7 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '185 ms' at first 194.81049,8 left offset 0.6,0 font ',12'
set label '+4.22' at first 189.92745,7 left offset 0.6,0 font ',12'
set label '+0.328' at first 191.19431,6 left offset 0.6,0 font ',12'
set label '+2.95' at first 198.13434,5 left offset 0.6,0 font ',12'
set label '+0.299' at first 193.0923,4 left offset 0.6,0 font ',12'
set label '+12.7' at first 228.78643,3 left offset 0.6,0 font ',12'
set label '+10.8' at first 224.95555,2 left offset 0.6,0 font ',12'
set label '−11.1' at first 235.70265,1 left offset 0.6,0 font ',12'
set label '205 ms' at first 214.78529,0 left offset 0.6,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::18::25 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::18::18 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::19::19 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::20::20 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::21::21 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::22::22 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::23::23 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::24::24 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::25::25 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::26::26 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::18::26 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
unset multiplot
unset output
}
