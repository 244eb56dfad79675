# Draws peers.svg from peers.csv: gnuplot peers.gp
set encoding utf8
set datafile separator comma
set terminal svg size 1000,520 dynamic noenhanced font 'Helvetica,12'
set output 'peers.svg'
set border 3 linewidth 0.8
set tics nomirror scale 0.6
set grid linetype 1 linecolor rgb '#b0b0b0' linewidth 0.3
set logscale x
set xrange [0.9:11]
set yrange [0:1]
set xtics (1, 2, 3, 5, 10)
array peers[5] = ['google', 'nvbench', 'nvbench-robust', 'asv', 'asv-1.01']
of(n, p) = sprintf("< awk -F, '$1 == \"pool\" && $2 == %d && $3 == \"%s\"' peers.csv", n, p)
set multiplot layout 2,5 margins 0.06,0.99,0.11,0.86 spacing 0.025,0.16
do for [n in '10 30'] {
  do for [i=1:5] {
    stats of(int(n), peers[i]) using 6 nooutput
    set title sprintf("%s, %s runs a side\nfalse alarms %.2g %%", peers[i], n, 100 * STATS_mean) font ',11'
    if (n eq '10' && i == 1) { set key at screen 0.99,0.985 right top horizontal samplen 2 } else { unset key }
    if (i == 1) { set ylabel 'slowdowns found'; set format y '%g' } else { unset ylabel; set format y '' }
    if (n eq '30') { set xlabel 'slowdown (%)' } else { unset xlabel }
    plot of(int(n), peers[i]) using (100 * $4):9 with linespoints linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb '#0072b2' title 'dydit compare at the same rate of false alarms', \
         '' using (100 * $4):8 with linespoints linewidth 2 pointtype 5 pointsize 0.5 linecolor rgb '#d55e00' title 'the tool named'
  }
}
unset multiplot
