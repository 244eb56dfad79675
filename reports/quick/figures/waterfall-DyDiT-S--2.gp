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
set linetype cycle 6
array faint[6] = ['#80d55e00', '#800072b2', '#80009e73', '#80cc79a7', '#80e69f00', '#8056b4e9']

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
set xrange [111.02104:221.16782]
set label 'heads and channels' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 4' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 11.8 ms, dense 259 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 51.5 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '131 ms' at first 139.57311,8 left offset 0.6,0 font ',12'
set label '+1.52' at first 133.62574,7 left offset 0.6,0 font ',12'
set label '−2.31' at first 132.47399,6 left offset 0.6,0 font ',12'
set label '+1.11' at first 142.75095,5 left offset 0.6,0 font ',12'
set label '+0.0302' at first 131.31422,4 left offset 0.6,0 font ',12'
set label '+15.1' at first 167.71323,3 left offset 0.6,0 font ',12'
set label '+2.43' at first 186.31032,2 left offset 0.6,0 font ',12'
set label '−6.06' at first 172.33457,1 left offset 0.6,0 font ',12'
set label '143 ms' at first 182.79444,0 left offset 0.6,0 font ',12'
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
set xrange [153.25307:263.39985]
set label 'tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 4' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 10.0 ms, dense 259 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 50.6 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set arrow from first 258.79666,graph 0 to first 258.79666,graph 1 nohead linecolor rgb '#808080' dashtype 3
set label 'dense' at first 258.79666,graph 0.97 right offset -0.5,0 textcolor rgb '#808080' font ',12'
set label '183 ms' at first 194.70926,8 left offset 0.6,0 font ',12'
set label '+0.788' at first 184.30226,7 left offset 0.6,0 font ',12'
set label '−0.116' at first 194.77348,6 left offset 0.6,0 font ',12'
set label '−7.00' at first 192.04428,5 left offset 0.6,0 font ',12'
set label '−0.0219' at first 176.61046,4 left offset 0.6,0 font ',12'
set label '+15.1' at first 212.74839,3 left offset 0.6,0 font ',12'
set label '−3.77' at first 199.80404,2 left offset 0.6,0 font ',12'
set label '+5.06' at first 228.97898,1 left offset 0.6,0 font ',12'
set label '193 ms' at first 205.97936,0 left offset 0.6,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::9::16 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::9::9 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::10::10 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::11::11 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::12::12 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::13::13 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::14::14 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::15::15 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::16::16 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::17::17 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::9::17 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
set lmargin at screen 0.7307017543859649
set rmargin at screen 0.9789473684210525
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [72.761136:182.90792]
set label 'heads, channels and tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 4' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 12.2 ms, dense 259 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 3.12 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set label '92.3 ms' at first 98.363722,8 left offset 0.6,0 font ',12'
set label '+2.37' at first 95.132426,7 left offset 0.6,0 font ',12'
set label '−1.60' at first 94.661259,6 left offset 0.6,0 font ',12'
set label '−3.11' at first 99.41704,5 left offset 0.6,0 font ',12'
set label '+0.127' at first 90.301928,4 left offset 0.6,0 font ',12'
set label '+15.1' at first 126.49033,3 left offset 0.6,0 font ',12'
set label '−0.305' at first 121.1077,2 left offset 0.6,0 font ',12'
set label '−0.380' at first 127.70368,1 left offset 0.6,0 font ',12'
set label '104 ms' at first 121.73335,0 left offset 0.6,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::18::25 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::18::18 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::19::19 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::20::20 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::21::21 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::22::22 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::23::23 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::24::24 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::25::25 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::26::26 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::18::26 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
unset multiplot
unset output
}
