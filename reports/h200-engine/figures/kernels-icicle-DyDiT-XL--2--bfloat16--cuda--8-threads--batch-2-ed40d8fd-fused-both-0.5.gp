# Draws kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-fused-both-0.5.svg, kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-fused-both-0.5.pdf and kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-fused-both-0.5.png from kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-fused-both-0.5.csv: gnuplot kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-fused-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-fused-both-0.5.csv'
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
if (format eq 'svg') { set terminal svg size 760,499 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,5.197916666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,998 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-fused-both-0.5.'.format
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, batch 2' at screen 0.5,0.971944 center
set key at screen 0.013158,0.939880 left top Left reverse vertical maxrows 3 samplen 2.5 spacing 1
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen 0.7975951903807615
set bmargin at screen 0.12424849699398798
unset ytics
unset grid
set border 1
set xrange [0:1.6615062]
set xtics 0.2
set yrange [14:0]
set xlabel 'ms of a pass with collectors, mean' offset 0,0.3
set label 'fused-dense: 1.66 ms of a pass, 3 % of them gaps' at 0,0.55 left font ',12'
set label 'fused (both, 0.5): 1.46 ms of a pass, 4 % of them gaps' at 0,7.55 left font ',12'
set label 'pass' at 0.83006609,1.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 0.7404309,2.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 0.40175455,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm' at 0.1115681,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm_few' at 0.1115681,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'sdpa' at 0.3285657,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 0.3285657,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'proj' at 0.53320485,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.53320485,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'qkv' at 0.7179618,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'split_pro…' at 0.7179618,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'mlp' at 1.0839714,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 0.96579915,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.96579915,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'fc2' at 1.2462614,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'split_product' at 1.2462614,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'norm' at 1.4226477,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm_f…' at 1.4226477,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'adaLN' at 1.5461969,2.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvjet…' at 1.5346107,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'pass' at 0.72829237,8.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 0.62734795,9.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 0.30124315,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm' at 0.0631697,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm_f…' at 0.0631697,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'sdpa' at 0.20714325,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 0.20714325,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'proj' at 0.37306125,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.37306125,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 0.53033085,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.53033085,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'mlp' at 0.85313545,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 0.7039466,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'split_produ…' at 0.7039466,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc2' at 0.95459575,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.95459575,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'route' at 1.1792402,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'route_few' at 1.1792402,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'adaLN' at 1.3196036,9.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvjet…' at 1.308365,10.5 center font ',10' front textcolor rgb '#1a1a1a'
plot data skip 1 using 1:2:3:4:5:6:7 with boxxyerror fillcolor rgb variable fillstyle solid 1 border linecolor rgb '#fefefe' linewidth 0.8 notitle, \
  keyentry with boxes fillcolor rgb '#0072b2' fillstyle solid 1 noborder title 'bound by products', \
  keyentry with boxes fillcolor rgb '#56b4e9' fillstyle solid 1 noborder title 'bound by memory', \
  keyentry with boxes fillcolor rgb '#d55e00' fillstyle solid 1 noborder title '(launch)', \
  keyentry with boxes fillcolor rgb '#e69f00' fillstyle solid 1 noborder title '(host)', \
  keyentry with boxes fillcolor rgb '#7b3294' fillstyle solid 1 noborder title '(graph)', \
  keyentry with boxes fillcolor rgb '#c8c8c8' fillstyle solid 1 noborder title 'other, merged', \
  keyentry with boxes fillcolor rgb '#e4eaf0' fillstyle solid 1 noborder title 'range'
unset label
unset output
}
