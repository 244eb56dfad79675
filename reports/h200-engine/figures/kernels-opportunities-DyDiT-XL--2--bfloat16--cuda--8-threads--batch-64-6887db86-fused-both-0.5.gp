# Draws kernels-opportunities-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.svg, kernels-opportunities-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.pdf and kernels-opportunities-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.png from kernels-opportunities-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.csv: gnuplot kernels-opportunities-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-opportunities-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.csv'
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
if (format eq 'svg') { set terminal svg size 760,541 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,5.635416666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,1082 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'kernels-opportunities-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.'.format
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, batch 64: fused (both, 0.5)' at screen 0.5,0.974122 center
set key at screen 0.013158,0.944547 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
set lmargin at screen 0.025
set rmargin at screen 0.975
set tmargin at screen 0.8909426987060998
set bmargin at screen 0.11460258780036968
unset ytics
set border 1
set xrange [0:0.61469501]
set xtics 0.1
set yrange [9.5:-0.6]
set xlabel 'ms of a pass above the bound; of a gap all of it' offset 0,0.3
set label 'block/attention/proj: product' at graph 0.005,first -0.30 left font ',12'
set label '0.535 ms' at first 0.5345174,first 0.11 left offset 0.8,0 font ',12'
set label 'block/attention/sdpa: attention' at graph 0.005,first 0.70 left font ',12'
set label '0.508 ms' at first 0.508056,first 1.11 left offset 0.8,0 font ',12'
set label 'block/mlp/fc1: product' at graph 0.005,first 1.70 left font ',12'
set label '0.304 ms' at first 0.304122,first 2.11 left offset 0.8,0 font ',12'
set label 'block/attention/qkv: product' at graph 0.005,first 2.70 left font ',12'
set label '0.275 ms' at first 0.275042,first 3.11 left offset 0.8,0 font ',12'
set label 'block/mlp/fc2: product' at graph 0.005,first 3.70 left font ',12'
set label '0.243 ms' at first 0.243336,first 4.11 left offset 0.8,0 font ',12'
set label 'block/router: product' at graph 0.005,first 4.70 left font ',12'
set label '0.160 ms' at first 0.1595191,first 5.11 left offset 0.8,0 font ',12'
set label 'block/route: route_known' at graph 0.005,first 5.70 left font ',12'
set label '0.0945 ms' at first 0.094487,first 6.11 left offset 0.8,0 font ',12'
set label 'conditioning: embed' at graph 0.005,first 6.70 left font ',12'
set label '0.0484 ms' at first 0.048400521,first 7.11 left offset 0.8,0 font ',12'
set label 'final layer: final_layer' at graph 0.005,first 7.70 left font ',12'
set label '0.0382 ms' at first 0.038177028,first 8.11 left offset 0.8,0 font ',12'
set label 'embed: patches' at graph 0.005,first 8.70 left font ',12'
set label '0.0343 ms' at first 0.034314469,first 9.11 left offset 0.8,0 font ',12'
plot data skip 1 using 3:1:2:3:4:5:6 with boxxyerror fillcolor rgb variable fillstyle solid 1 noborder notitle, \
  keyentry with boxes fillcolor rgb '#0072b2' fillstyle solid 1 noborder title 'bound by products', \
  keyentry with boxes fillcolor rgb '#56b4e9' fillstyle solid 1 noborder title 'bound by memory'
unset label
unset output
}
