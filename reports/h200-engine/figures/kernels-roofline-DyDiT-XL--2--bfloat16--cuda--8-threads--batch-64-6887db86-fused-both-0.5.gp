# Draws kernels-roofline-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.svg, kernels-roofline-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.pdf and kernels-roofline-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.png from kernels-roofline-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.csv: gnuplot kernels-roofline-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-roofline-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.csv'
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
if (format eq 'svg') { set terminal svg size 760,451 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,4.697916666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,902 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'kernels-roofline-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.'.format
set multiplot
set logscale xy
set format xy '%g'
set samples 300
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, batch 64' at screen 0.5,0.968958 center
set key at screen 0.013158,0.933481 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
set lmargin at screen 0.1
set rmargin at screen 0.7
set tmargin at screen 0.8691796008869179
set bmargin at screen 0.13747228381374724
set xrange [4.9315076:3334.9769]
set xtics (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
set yrange [1642.0619:560929.53]
set ytics (2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000)
set xlabel 'MACs per byte' offset 0,0.3
set ylabel 'GMAC/s' offset 0.5
set label 'qkv' at graph 0.77,graph 0.8891 left front font ',10'
set arrow from first 331.61022,first 317099.17 to graph 0.76,graph 0.8891 nohead front linecolor rgb '#707070' linewidth 0.6
set label 'fc2' at graph 0.77,graph 0.8437 left front font ',10'
set arrow from first 269.04848,first 307425.8 to graph 0.76,graph 0.8437 nohead front linecolor rgb '#707070' linewidth 0.6
set label 'fc1' at graph 0.77,graph 0.7982 left front font ',10'
set arrow from first 351.03155,first 298254.55 to graph 0.76,graph 0.7982 nohead front linecolor rgb '#707070' linewidth 0.6
set label 'proj' at graph 0.77,graph 0.7528 left front font ',10'
set arrow from first 113.60248,first 216997.63 to graph 0.76,graph 0.7528 nohead front linecolor rgb '#707070' linewidth 0.6
set label 'sdpa' at graph 0.77,graph 0.7073 left front font ',10'
set arrow from first 64.000021,first 132737.89 to graph 0.76,graph 0.7073 nohead front linecolor rgb '#707070' linewidth 0.6
set label 'adaLN' at graph 0.77,graph 0.6619 left front font ',10'
set arrow from first 30.306406,first 118416.49 to graph 0.76,graph 0.6619 nohead front linecolor rgb '#707070' linewidth 0.6
set label 'router' at graph 0.77,graph 0.6164 left front font ',10'
set arrow from first 36.03124,first 91743.757 to graph 0.76,graph 0.6164 nohead front linecolor rgb '#707070' linewidth 0.6
plot (4135.375*x < 350580.96 ? 4135.375*x : 350580.96) with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 using 1:2:4:5 with points pointtype 7 pointsize variable linecolor variable notitle, \
  keyentry with points linetype 2 pointtype 7 pointsize 0.9 title 'fused-dense', \
  keyentry with points linetype 1 pointtype 7 pointsize 0.9 title 'fused (both, 0.5)', \
  keyentry with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 title 'ceilings'
unset label
unset arrow
unset key
set lmargin at screen 0.81
set rmargin at screen 0.98
set tmargin at screen 0.8691796008869179
set bmargin at screen 0.13747228381374724
unset logscale x
set xrange [0:5.2359052]
set xtics 1
set yrange [1707.2399:6616.6]
set ytics (2000, 3000, 4000, 5000)
set xlabel 'no MACs: % of time' offset 0,0.3
set ylabel 'GB/s' offset 1
plot 4135.375 with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 using 6:3:4:5 with points pointtype 7 pointsize variable linecolor variable notitle
unset multiplot
unset logscale
set format xy
set xtics autofreq
set ytics autofreq
unset output
}
