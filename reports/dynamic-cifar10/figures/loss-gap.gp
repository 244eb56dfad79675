# Draws loss-gap.svg, loss-gap.pdf and loss-gap.png from loss-gap.csv: gnuplot loss-gap.gp
set encoding utf8
set datafile separator comma
data = 'loss-gap.csv'
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
M = 7
array model[M] = ['dynamic-0.9', 'dynamic-0.7', 'dynamic-0.5', 'dynamic-0.3', 'static-random-0.7', 'static-magnitude-0.7', 'dense']
array first[M] = [0, 20, 40, 60, 80, 100, 120]
array last[M] = [19, 39, 59, 79, 99, 119, 139]
$paper << EOD
5,0.00228487
10,0.00289417
20,0.00350346
40,0.00388428
60,0.00373195
80,0.00335114
100,0.00304649
150,0.00243719
200,0.00175173
250,0.0012186
300,0.000761623
350,0.000495055
400,0.00034273
450,0.000198022
500,0.000106627
550,6.09298e-05
EOD

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,640 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,6.666666666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,1280 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'loss-gap.'.format
set multiplot
set xrange [0:1000]
set key top right samplen 2.5 spacing 1.2
set lmargin at screen 0.13
set rmargin at screen 0.965
set tmargin at screen 0.98
set bmargin at screen 0.48
set format x ''
unset xlabel
set ylabel 'loss difference (ε MSE)' offset 0.5
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:6:7 with filledcurves linetype m notitle, \
  $paper using 1:2 with lines linecolor rgb '#909090' linewidth 1.5 dashtype 2 \
    title 'DiT-S minus DiT-XL on ImageNet (paper), scaled', \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m \
    title model[m].' minus '.model[M].', 95 % interval'
set lmargin at screen 0.13
set rmargin at screen 0.965
set tmargin at screen 0.44
set bmargin at screen 0.1
set format x '%g'
set xlabel 'timestep t' offset 0,0.3
set ylabel 'loss (ε MSE)' offset 0.5
set logscale y
set format y '%.0e'
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3 with linespoints linetype m title model[m]
unset logscale y
set format y '%g'
unset multiplot
unset output
}
