# Draws kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.svg, kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.pdf and kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.png from kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.csv: gnuplot kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.csv'
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
if (format eq 'svg') { set terminal svg size 760,478 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,4.979166666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,956 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-fused-both-0.5.'.format
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, batch 64' at screen 0.5,0.970711 center
set key at screen 0.013158,0.937238 left top Left reverse vertical maxrows 2 samplen 2.5 spacing 1
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen 0.8326359832635983
set bmargin at screen 0.1297071129707113
unset ytics
unset grid
set border 1
set xrange [0:26.464992]
set xtics 5
set yrange [14:0]
set xlabel 'ms of a pass with collectors, mean' offset 0,0.3
set label 'fused-dense: 26.5 ms of a pass, 1 % of them gaps' at 0,0.55 left font ',12'
set label 'fused (both, 0.5): 10.9 ms of a pass, 1 % of them gaps' at 0,7.55 left font ',12'
set label 'pass' at 13.230071,1.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 13.070647,2.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 7.3136167,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 3.7438213,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvjet_sm90_tst_128x128_64x6_2…' at 3.663242,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'fc2' at 11.057438,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 11.050778,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'attention' at 20.011188,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 17.542412,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 17.542412,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'proj' at 21.542786,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 21.542786,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'sdpa' at 23.624621,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attent…' at 23.624621,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'pass' at 5.4692567,8.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 5.3009082,9.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 2.007189,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 1.018791,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 1.018791,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'fc2' at 3.02598,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 3.02598,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'attention' at 6.9257327,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 5.4543335,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 5.4543335,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'proj' at 7.5956925,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'prod…' at 7.5956925,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'sd…' at 8.806715,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'at…' at 8.806715,12.5 center font ',10' front textcolor rgb '#1a1a1a'
plot data skip 1 using 1:2:3:4:5:6:7 with boxxyerror fillcolor rgb variable fillstyle solid 1 border linecolor rgb '#fefefe' linewidth 0.8 notitle, \
  keyentry with boxes fillcolor rgb '#0072b2' fillstyle solid 1 noborder title 'bound by products', \
  keyentry with boxes fillcolor rgb '#56b4e9' fillstyle solid 1 noborder title 'bound by memory', \
  keyentry with boxes fillcolor rgb '#c8c8c8' fillstyle solid 1 noborder title 'other, merged', \
  keyentry with boxes fillcolor rgb '#e4eaf0' fillstyle solid 1 noborder title 'range'
unset label
unset output
}
