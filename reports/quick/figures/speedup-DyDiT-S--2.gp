# Draws speedup-DyDiT-S--2.svg, speedup-DyDiT-S--2.pdf and speedup-DyDiT-S--2.png from speedup-DyDiT-S--2.csv: gnuplot speedup-DyDiT-S--2.gp
set encoding utf8
set datafile separator comma
data = 'speedup-DyDiT-S--2.csv'
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
$published << EOD
1,1
1.06119,1.03
1.22874,1.16
1.39862,1.27
1.92089,1.54
2.30798,1.71
3.09694,2.03
EOD

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 760,400 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,4.166666666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,800 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'speedup-DyDiT-S--2.'.format
set multiplot
set xrange [0.89713045:2.9024112]
set yrange [0.74208841:2.9024112]
set xtics 0.5
set ytics 0.5
set format y '%g'
set xlabel 'theoretical speedup' offset 0,0.3
set ylabel 'actual speedup' offset 0.5
set label 'DyDiT-S/2, float32, cpu, 2 threads: how much of the skipped work becomes time?' at screen 0.5,0.965 center
set key at screen 0.5,0.930000 center top vertical maxrows 1 samplen 2.5
set lmargin at screen 0.08157894736842106
set rmargin at screen 0.3684210526315789
set tmargin at screen 0.8049999999999999
set bmargin at screen 0.15500000000000003
set label 'heads and channels' at graph 0.5,1 center offset 0,0.8
set label 'all of it becomes time' at first 2.1003,2.1003 center rotate by 47.91 offset -1.63,0.80 textcolor rgb '#808080' font ',12'
set label 'dense' at graph 0.985,first 1 right offset 0,0.5 textcolor rgb '#808080' font ',12'
plot 1 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  x with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 every ::0::1 using 1:3:(0):($4-$3) with vectors nohead linetype 1 linewidth 1.2 notitle, \
  data skip 1 every ::0::1 using 1:2 with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.80 notitle, \
  data skip 1 every ::2::3 using 1:3:(0):($4-$3) with vectors nohead linetype 1 linewidth 1.2 notitle, \
  data skip 1 every ::2::3 using 1:2 with linespoints linetype 1 dashtype (4,3) pointtype 6 pointsize 0.80 notitle, \
  keyentry with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.80 title 'compact, batch 4', \
  keyentry with linespoints linetype 1 dashtype (4,3) pointtype 6 pointsize 0.80 title 'masked, batch 4', \
  keyentry with linespoints linecolor rgb '#909090' linewidth 1.2 pointtype 8 pointsize 0.7 title 'published, on a V100'
unset label
unset key
unset ylabel
set format y ''
set lmargin at screen 0.3868421052631579
set rmargin at screen 0.6736842105263158
set tmargin at screen 0.8049999999999999
set bmargin at screen 0.15500000000000003
set label 'tokens' at graph 0.5,1 center offset 0,0.8
set label 'all of it becomes time' at first 2.1003,2.1003 center rotate by 47.91 offset -1.63,0.80 textcolor rgb '#808080' font ',12'
set label 'dense' at graph 0.985,first 1 right offset 0,0.5 textcolor rgb '#808080' font ',12'
plot 1 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  x with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 every ::4::5 using 1:3:(0):($4-$3) with vectors nohead linetype 1 linewidth 1.2 notitle, \
  data skip 1 every ::4::5 using 1:2 with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.80 notitle, \
  data skip 1 every ::6::7 using 1:3:(0):($4-$3) with vectors nohead linetype 1 linewidth 1.2 notitle, \
  data skip 1 every ::6::7 using 1:2 with linespoints linetype 1 dashtype (4,3) pointtype 6 pointsize 0.80 notitle
unset label
unset key
unset ylabel
set format y ''
set lmargin at screen 0.6921052631578948
set rmargin at screen 0.9789473684210527
set tmargin at screen 0.8049999999999999
set bmargin at screen 0.15500000000000003
set label 'heads, channels and tokens' at graph 0.5,1 center offset 0,0.8
set label 'all of it becomes time' at first 2.1003,2.1003 center rotate by 47.91 offset -1.63,0.80 textcolor rgb '#808080' font ',12'
set label 'dense' at graph 0.985,first 1 right offset 0,0.5 textcolor rgb '#808080' font ',12'
plot 1 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  x with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  $published using 1:2 with linespoints linecolor rgb '#909090' linewidth 1.2 pointtype 8 pointsize 0.7 notitle, \
  data skip 1 every ::8::9 using 1:3:(0):($4-$3) with vectors nohead linetype 1 linewidth 1.2 notitle, \
  data skip 1 every ::8::9 using 1:2 with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.80 notitle, \
  data skip 1 every ::10::11 using 1:3:(0):($4-$3) with vectors nohead linetype 1 linewidth 1.2 notitle, \
  data skip 1 every ::10::11 using 1:2 with linespoints linetype 1 dashtype (4,3) pointtype 6 pointsize 0.80 notitle
unset label
unset key
unset ylabel
set format y ''
unset multiplot
unset output
}
