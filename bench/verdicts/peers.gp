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
unset key
set label 1 'dydit compare at the same rate of false alarms' at screen 0.06,0.975 textcolor rgb '#0072b2'
set label 2 'the tool named' at screen 0.45,0.975 textcolor rgb '#d55e00'
set multiplot layout 2,5 margins 0.06,0.99,0.11,0.86 spacing 0.025,0.16
do for [n in '10 30'] {
  do for [i=1:5] {
    stats of(int(n), peers[i]) using 6 nooutput
    set title sprintf("%s, %s runs a side\nfalse alarms %.2g %%", peers[i], n, 100 * STATS_mean) font ',11'
    if (i == 1) { set ylabel 'slowdowns found'; set format y '%g' } else { unset ylabel; set format y '' }
    if (n eq '30') { set xlabel 'slowdown (%)' } else { unset xlabel }
    if (i == 2) { unset label 1; unset label 2 }
    plot of(int(n), peers[i]) using (100 * $4):9 with linespoints linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb '#0072b2' notitle, \
         '' using (100 * $4):8 with linespoints linewidth 2 pointtype 5 pointsize 0.5 linecolor rgb '#d55e00' notitle
  }
}
unset multiplot
