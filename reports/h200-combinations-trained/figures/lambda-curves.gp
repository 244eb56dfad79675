# Draws lambda-curves.svg, lambda-curves.pdf and lambda-curves.png from lambda-curves.csv: gnuplot lambda-curves.gp
set encoding utf8
set datafile separator comma
data = 'lambda-curves.csv'
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
array model[M] = ['S-0.7', 'S-0.5']
array first[M] = [0, 3]
array last[M] = [2, 5]

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,582 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,6.0625 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,1164 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'lambda-curves.'.format
set multiplot
set key at screen 0.015625,0.993127 left top Left reverse vertical maxrows 2 samplen 2.5 spacing 1
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.8934707903780069
set bmargin at screen 0.5240549828178694
set format x ''
unset xlabel
set ylabel 'share of the MACs (λ)' offset 0.5
set yrange [0:1.02]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:4 with lines linecolor rgb '#909090' linewidth 1.5 \
    dashtype 2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m title model[m], \
  NaN with lines linecolor rgb '#909090' linewidth 1.5 dashtype 2 title 'target', \
  NaN with lines linecolor rgb '#000000' linewidth 1.2 dashtype 3 title 'below: complete model'
unset key
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.4810996563573883
set bmargin at screen 0.1116838487972509
set format x '%g'
set xlabel 'training step' offset 0,0.3
set ylabel 'held-out loss (ε MSE)' offset 0.5
set yrange [*:*]
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:9 with lines linetype m linewidth 1.2 dashtype 3 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3 with linespoints linetype m notitle
unset key
unset multiplot
unset output
}
