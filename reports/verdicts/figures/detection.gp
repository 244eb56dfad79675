# Draws detection.svg from detection.csv: gnuplot detection.gp
set encoding utf8
set datafile separator comma
set terminal svg size 900,380 dynamic noenhanced font 'Helvetica,13'
set output 'detection.svg'
set border 3 linewidth 0.8
set tics nomirror scale 0.6
set grid linetype 1 linecolor rgb '#b0b0b0' linewidth 0.3
set yrange [0:1]
set xrange [8:32]
set xtics (10, 20, 30)
set xlabel 'process runs a side'
of(source, effect, spread) = sprintf("< awk -F, '$1 == \"%s\" && $2 == \"drawn\" && $4 == \"%s\" && $5 == \"%s\"' detection.csv", source, effect, spread)
array effects[5] = ['0.01', '0.02', '0.03', '0.05', '0.1']
array colours[5] = ['#cc79a7', '#009e73', '#e69f00', '#0072b2', '#d55e00']
set multiplot layout 1,2 margins 0.08,0.84,0.15,0.9 spacing 0.06,0
set title 'synthetic, standard deviation at most 2 %'
set ylabel 'slowdowns found'
unset key
plot for [i=1:5] of('synthetic', effects[i], '0.02') using 3:7 with linespoints linewidth 2 pointtype 7 pointsize 0.6 linecolor rgb colours[i] notitle
set title 'pool, all 30 benchmarks'
unset ylabel
set format y ''
set key at screen 0.99,0.85 right top
plot for [i=1:5] of('pool', effects[i], 'inf') using 3:7 with linespoints linewidth 2 pointtype 7 pointsize 0.6 linecolor rgb colours[i] title sprintf('%g %%', 100 * real(effects[i]))
unset multiplot
