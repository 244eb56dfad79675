# Draws kernels-waterfall-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.svg, kernels-waterfall-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.pdf and kernels-waterfall-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.png from kernels-waterfall-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.csv: gnuplot kernels-waterfall-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-waterfall-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.csv'
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
if (format eq 'svg') { set terminal svg size 760,683 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,7.114583333333333 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,1366 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'kernels-waterfall-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.'.format
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, batch 64: compact (both, 0.5)' at screen 0.5,0.979502 center
set key at screen 0.013158,0.956076 left top Left reverse vertical maxrows 3 samplen 2.5 spacing 1
set lmargin at screen 0.225
set rmargin at screen 0.975
set tmargin at screen 0.8521229868228404
set bmargin at screen 0.09077598828696926
set border 1
set xrange [19.462496:34.487651]
set xtics 2
set yrange [12.5:-0.5]
set xlabel 'ms of a pass with collectors, mean' offset 0,0.3
set ytics ('dense' 0, 'at the MACs'' ratio' 1, 'block/gather' 2, 'block/scatter' 3, 'block/compaction' 4, 'label embedder' 5, 'block/mlp/fc1' 6, 'block/router' 7, 'block/attention/norm' 8, 'block/residual and norm' 9, '13 other ranges' 10, 'remainder' 11, 'compact (both, 0.5)' 12) font ',12'
set style textbox opaque noborder margins 0.3,0.1
set label '37.2 ms →' at graph 0.995,first 0 right front font ',12'
set label '−17.1 →' at graph 0.995,first 1 right front font ',12'
set label '+4.43' at first 24.551256,first 2 left offset 0.8,0 font ',12'
set label '(launch): new, 1.17 ms;  vectorized_gather: new, 0.763 ms' at graph 0.995,first 1.58 right front boxed font ',10' textcolor rgb '#505050'
set label '+2.83' at first 27.384362,first 3 left offset 0.8,0 font ',12'
set label 'indexFuncLargeIndex: new, 2.07 ms;  Mul: new, 0.355 ms' at graph 0.995,first 2.58 right front boxed font ',10' textcolor rgb '#505050'
set label '+1.35' at first 28.732892,first 4 left offset 0.8,0 font ',12'
set label '(launch): new, 0.693 ms;  (host): new, 0.194 ms' at graph 0.995,first 3.58 right front boxed font ',10' textcolor rgb '#505050'
set label '+0.949' at first 29.682075,first 5 left offset 0.8,0 font ',12'
set label '(host): 0.00977 → 0.932 ms;  (launch): 0.00825 → 0.0327 ms' at graph 0.995,first 4.58 right front boxed font ',10' textcolor rgb '#505050'
set label '+0.787' at first 30.473948,first 6 left offset 0.8,0 font ',12'
set label '(host): new, 0.420 ms;  (launch): 0.134 → 0.351 ms' at graph 0.995,first 5.58 right front boxed font ',10' textcolor rgb '#505050'
set label '+0.702' at first 31.170807,first 7 left offset 0.8,0 font ',12'
set label 'nvjet_sm90_tst: new, 0.451 ms;  (launch): new, 0.145 ms' at graph 0.995,first 6.58 right front boxed font ',10' textcolor rgb '#505050'
set label '−0.276' at first 31.173278,first 8 left offset 0.8,0 font ',12'
set label 'addcmul: 1.81 → 1.67 ms;  vectorized_layer_norm: 1.23 → 1.12 ms' at graph 0.995,first 7.58 right front boxed font ',10' textcolor rgb '#505050'
set label '−5.17' at first 30.894567,first 9 left offset 0.8,0 font ',12'
set label 'addcmul: gone, 3.68 ms;  vectorized_layer_norm: gone, 1.23 ms' at graph 0.995,first 8.58 right front boxed font ',10' textcolor rgb '#505050'
set label '+1.04' at first 26.97368,first 10 left offset 0.8,0 font ',12'
set label '0' at first 26.759629,first 11 left offset 0.8,0 font ',12'
set label '26.8 ms' at first 26.759629,first 12 left offset 0.8,0 font ',12'
set arrow from first 20.125371,first 1 to first 20.125371,first 2 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 24.551256,first 2 to first 24.551256,first 3 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 27.384362,first 3 to first 27.384362,first 4 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 28.732892,first 4 to first 28.732892,first 5 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 29.68183,first 5 to first 29.68183,first 6 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 30.46893,first 6 to first 30.46893,first 7 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 31.170807,first 7 to first 31.170807,first 8 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 30.894567,first 8 to first 30.894567,first 9 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 25.72369,first 9 to first 25.72369,first 10 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 26.759629,first 10 to first 26.759629,first 11 nohead back linecolor rgb '#909090' linewidth 0.8
set arrow from first 26.759629,first 11 to first 26.759629,first 12 nohead back linecolor rgb '#909090' linewidth 0.8
plot data skip 1 using (strcol(8) eq 'total' ? NaN : $3):1:2:3:4:5:6 with boxxyerror fillcolor rgb variable fillstyle solid 1 noborder notitle, \
  data skip 1 using (strcol(8) eq 'total' ? $3 : NaN):1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle, \
  keyentry with boxes fillcolor rgb '#d55e00' fillstyle solid 1 noborder title 'new kernels', \
  keyentry with boxes fillcolor rgb '#e69f00' fillstyle solid 1 noborder title 'gaps', \
  keyentry with boxes fillcolor rgb '#cc79a7' fillstyle solid 1 noborder title 'shrank by less than the MACs', \
  keyentry with boxes fillcolor rgb '#009e73' fillstyle solid 1 noborder title 'below the MACs'' ratio', \
  keyentry with boxes fillcolor rgb '#9fb4c0' fillstyle solid 1 noborder title 'saved at the MACs'' ratio'
unset label
unset arrow
unset output
}
