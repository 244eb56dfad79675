# Draws waterfall-DyDiT-XL--2.svg, waterfall-DyDiT-XL--2.pdf and waterfall-DyDiT-XL--2.png from waterfall-DyDiT-XL--2.csv: gnuplot waterfall-DyDiT-XL--2.gp
set encoding utf8
set datafile separator comma
data = 'waterfall-DyDiT-XL--2.csv'
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
set output 'waterfall-DyDiT-XL--2.'.format
set multiplot
set xtics 5
set xlabel 'ms' offset 0,0.3
set yrange [-0.6:8.6]
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, compact: what takes the time that is not saved?' at screen 0.5,0.9656019656019657 center
set lmargin at screen 0.19736842105263158
set rmargin at screen 0.44561403508771924
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [8.5441579:23.708419]
set label 'heads and channels' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 32' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 5.92 of dense 18.9 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 1.97 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set arrow from first 18.861423,graph 0 to first 18.861423,graph 1 nohead linecolor rgb '#808080' dashtype 3
set label 'dense' at first 18.861423,graph 0.97 left offset 0.5,0 textcolor rgb '#808080' font ',12'
set label '9.54 ms' at first 9.5965253,8 left offset 1.2,0 font ',12'
set label '+2.75' at first 12.543867,7 left offset 0.6,0 font ',12'
set label '+0.0820' at first 12.379523,6 left offset 0.6,0 font ',12'
set label '+0.425' at first 13.094795,5 left offset 0.6,0 font ',12'
set label '+1.24' at first 14.337227,4 left offset 0.6,0 font ',12'
set label '+0.582' at first 14.993115,3 left offset 0.6,0 font ',12'
set label '+0.726' at first 15.884833,2 left offset 0.6,0 font ',12'
set label '+0.117' at first 15.593968,1 left offset 0.6,0 font ',12'
set label '15.5 ms' at first 16.011312,0 left offset 1.2,0 font ',12'
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
set lmargin at screen 0.4640350877192982
set rmargin at screen 0.7122807017543858
set tmargin at screen 0.7051597051597052
set bmargin at screen 0.15233415233415237
set xrange [11.881226:27.045487]
set label 'tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 32' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 6.60 of dense 18.9 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 11.1 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set arrow from first 18.861423,graph 0 to first 18.861423,graph 1 nohead linecolor rgb '#808080' dashtype 3
set label 'dense' at first 18.861423,graph 0.97 left offset 0.5,0 textcolor rgb '#808080' font ',12'
set label '12.9 ms' at first 12.970367,8 left offset 1.2,0 font ',12'
set label '+0.554' at first 13.465009,7 left offset 0.6,0 font ',12'
set label '+0.198' at first 13.663383,6 left offset 0.6,0 font ',12'
set label '−0.0528' at first 13.937878,5 left offset 0.6,0 font ',12'
set label '+3.93' at first 17.698635,4 left offset 0.6,0 font ',12'
set label '+0.582' at first 18.486714,3 left offset 0.6,0 font ',12'
set label '+0.659' at first 19.204626,2 left offset 0.6,0 font ',12'
set label '+0.729' at first 20.085426,1 left offset 0.6,0 font ',12'
set label '19.5 ms' at first 19.834896,0 left offset 1.2,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::12::19 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::12::12 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::13::13 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::14::14 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::15::15 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#009e73' notitle, \
  data skip 1 every ::16::16 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::17::17 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
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
set xrange [5.5329381:20.6972]
set label 'heads, channels and tokens' at graph 0.5,1 center offset 0,3.9
set label '0.5 kept, batch 32' at graph 0.5,1 center offset 0,2.9 font ',12'
set label 'gap 8.97 of dense 18.9 ms' at graph 0.5,1 center offset 0,1.9 font ',12'
set label 'unexplained: 8.20 % of the gap' at graph 0.5,1 center offset 0,0.8999999999999999 font ',12'
set arrow from first 18.861423,graph 0 to first 18.861423,graph 1 nohead linecolor rgb '#808080' dashtype 3
set label 'dense' at first 18.861423,graph 0.97 right offset -0.5,0 textcolor rgb '#808080' font ',12'
set label '6.52 ms' at first 6.5521218,8 left offset 1.2,0 font ',12'
set label '+2.36' at first 8.9071177,7 left offset 0.6,0 font ',12'
set label '+0.175' at first 9.0792943,6 left offset 0.6,0 font ',12'
set label '+0.352' at first 9.5671681,5 left offset 0.6,0 font ',12'
set label '+3.99' at first 13.523735,4 left offset 0.6,0 font ',12'
set label '+0.582' at first 14.355574,3 left offset 0.6,0 font ',12'
set label '+0.770' at first 15.254852,2 left offset 0.6,0 font ',12'
set label '+0.736' at first 15.828149,1 left offset 0.6,0 font ',12'
set label '15.5 ms' at first 15.958368,0 left offset 1.2,0 font ',12'
set ytics ('' 8, '' 7, '' 6, '' 5, '' 4, '' 3, '' 2, '' 1, '' 0)
plot data skip 1 every ::24::31 using 3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle, \
  data skip 1 every ::24::24 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::25::25 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::26::26 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::27::27 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::28::28 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::29::29 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::30::30 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#d55e00' notitle, \
  data skip 1 every ::31::31 using 2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder linecolor rgb '#999999' notitle, \
  data skip 1 every ::32::32 using 3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  data skip 1 every ::24::32 using 4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle
unset label
unset arrow
unset multiplot
unset output
}
