# Draws compute-curves.svg, compute-curves.pdf and compute-curves.png from compute-curves.csv: gnuplot compute-curves.gp
set encoding utf8
set datafile separator comma
data = 'compute-curves.csv'
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
M = 2
array model[M] = ['dynamic-0.5', 'dynamic-0.7']
array first[M] = [0, 7]
array last[M] = [6, 13]

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,562 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,5.854166666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,1124 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'compute-curves.'.format
set multiplot
set key at screen 0.015625,0.992883 left top Left reverse vertical maxrows 2 samplen 2.5 spacing 1
set xrange [0:1000]
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.8896797153024911
set bmargin at screen 0.5249110320284698
set format x ''
unset xlabel
set ylabel 'blocks that work on a token (%)' offset 0.5
set yrange [0:100]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(100*$4):(100*$5) with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(100*$3) with linespoints linetype m title model[m], \
  NaN with lines linecolor rgb '#000000' linewidth 2 title 'below: with the detail', \
  NaN with lines linecolor rgb '#000000' linewidth 2 dashtype 2 title 'below: with the loss'
unset key
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.4804270462633452
set bmargin at screen 0.11565836298932386
set format x '%g'
set xlabel 'timestep t' offset 0,0.3
set ylabel 'rank correlation' offset 0.5
set yrange [*:*]
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:10:11 with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:7:8 with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:9 with linespoints linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:6 with linespoints linetype m dashtype 2 notitle
unset key
unset multiplot
unset output
}
