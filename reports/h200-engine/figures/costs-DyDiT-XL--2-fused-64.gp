# Draws costs-DyDiT-XL--2-fused-64.svg, costs-DyDiT-XL--2-fused-64.pdf and costs-DyDiT-XL--2-fused-64.png from costs-DyDiT-XL--2-fused-64.csv: gnuplot costs-DyDiT-XL--2-fused-64.gp
set encoding utf8
set datafile separator comma
data = 'costs-DyDiT-XL--2-fused-64.csv'
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
if (format eq 'svg') { set terminal svg size 760,347 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,3.6145833333333335 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,694 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'costs-DyDiT-XL--2-fused-64.'.format
set multiplot
set yrange [0:1.0212295]
set ytics 0.2
set format y '%g'
set ylabel 'ms of a block' offset 0.5
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads: fused, batch 64' at screen 0.5,0.9596541786743515 center
set key at screen 0.013158,0.919308 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
set lmargin at screen 0.08157894736842106
set rmargin at screen 0.3684210526315789
set tmargin at screen 0.8126801152737753
set bmargin at screen 0.17867435158501443
set xrange [0:16.64]
set xtics 5
set xlabel 'heads on' offset 0,0.3
plot data skip 1 every ::0::15 using 2:6 with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 title 'as its MACs', \
  data skip 1 every ::0::15 using 2:3 with fsteps linetype 2 linewidth 1.5 notitle, \
  data skip 1 every ::0::15 using 2:4:(0):($5-$4) with vectors nohead linetype 2 linewidth 1.2 notitle, \
  data skip 1 every ::0::15 using 2:3 with points linetype 2 pointsize 0.6 title 'measured', \
  data skip 1 every ::0::15 using 2:($7>$2?$3:NaN) with points linetype 1 pointtype 6 pointsize 1.1 linewidth 1.5 title 'one more is free'
unset key
unset label
unset ylabel
set format y ''
set lmargin at screen 0.3868421052631579
set rmargin at screen 0.6736842105263158
set tmargin at screen 0.8126801152737753
set bmargin at screen 0.17867435158501443
set xrange [0:16.64]
set xtics 5
set xlabel 'channel groups on' offset 0,0.3
plot data skip 1 every ::16::31 using 2:6 with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 every ::16::31 using 2:3 with fsteps linetype 2 linewidth 1.5 notitle, \
  data skip 1 every ::16::31 using 2:4:(0):($5-$4) with vectors nohead linetype 2 linewidth 1.2 notitle, \
  data skip 1 every ::16::31 using 2:3 with points linetype 2 pointsize 0.6 notitle, \
  data skip 1 every ::16::31 using 2:($7>$2?$3:NaN) with points linetype 1 pointtype 6 pointsize 1.1 linewidth 1.5 notitle
unset key
unset label
unset ylabel
set format y ''
set lmargin at screen 0.6921052631578948
set rmargin at screen 0.9789473684210527
set tmargin at screen 0.8126801152737753
set bmargin at screen 0.17867435158501443
set xrange [0:266.24]
set xtics 100
set xlabel 'tokens on' offset 0,0.3
plot data skip 1 every ::32::48 using 2:6 with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 every ::32::48 using 2:3 with fsteps linetype 2 linewidth 1.5 notitle, \
  data skip 1 every ::32::48 using 2:4:(0):($5-$4) with vectors nohead linetype 2 linewidth 1.2 notitle, \
  data skip 1 every ::32::48 using 2:3 with points linetype 2 pointsize 0.6 notitle, \
  data skip 1 every ::32::48 using 2:($7>$2?$3:NaN) with points linetype 1 pointtype 6 pointsize 1.1 linewidth 1.5 notitle
unset key
unset label
unset ylabel
set format y ''
unset multiplot
unset output
}
