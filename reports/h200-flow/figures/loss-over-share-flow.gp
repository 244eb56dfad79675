# Draws loss-over-share-flow.svg, loss-over-share-flow.pdf and loss-over-share-flow.png from loss-over-share-flow.csv: gnuplot loss-over-share-flow.gp
set encoding utf8
set datafile separator comma
data = 'loss-over-share-flow.csv'
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
array model[M] = ['widths and tokens', 'static widths (taylor)']
array first[M] = [0, 3]
array last[M] = [2, 4]

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,441 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,4.59375 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,882 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'loss-over-share-flow.'.format
set multiplot
set key at screen 0.015625,0.990930 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
set xrange [*:1.01]
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.9070294784580499
set bmargin at screen 0.14739229024943312
set format x '%g'
set xlabel 'share of the MACs (λ)' offset 0,0.3
set ylabel 'loss above the dense model (%)' offset 0.5
set yrange [*:*]
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3:(0):($4-$3) with vectors nohead linetype m \
    linewidth 1.2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:2 with linespoints linetype m title model[m]
unset key
unset multiplot
unset output
}
