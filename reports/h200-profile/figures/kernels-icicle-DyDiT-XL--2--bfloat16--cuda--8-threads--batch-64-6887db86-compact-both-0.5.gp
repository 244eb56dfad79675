# Draws kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.svg, kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.pdf and kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.png from kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.csv: gnuplot kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.csv'
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
set output 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-64-6887db86-compact-both-0.5.'.format
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, batch 64' at screen 0.5,0.970711 center
set key at screen 0.013158,0.937238 left top Left reverse vertical maxrows 2 samplen 2.5 spacing 1
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen 0.8326359832635983
set bmargin at screen 0.1297071129707113
unset ytics
unset grid
set border 1
set xrange [0:37.222453]
set xtics 5
set yrange [14:0]
set xlabel 'ms of a pass with collectors, mean' offset 0,0.3
set label 'dense: 37.2 ms of a pass, 3 % of them gaps' at 0,0.55 left font ',12'
set label 'compact (both, 0.5): 26.8 ms of a pass, 24 % of them gaps' at 0,7.55 left font ',12'
set label 'pass' at 18.608927,1.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 18.231416,2.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 8.1117471,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 4.8757529,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvjet_sm90_tst_192x…' at 3.5048525,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'Gelu' at 8.300127,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc2' at 12.9875,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvjet_sm90_tst_19…' at 12.926013,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'attention' at 22.809756,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 18.947647,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvjet_sm90_tst…' at 18.890054,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'norm' at 23.300441,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'add…' at 22.578024,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'sdpa' at 26.165231,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'cudnn…' at 26.108494,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'proj' at 28.398698,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvj…' at 28.337881,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'residual and …' at 31.981456,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'addcmul' at 31.236668,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'res…' at 35.514864,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'add…' at 35.492366,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'pass' at 13.377989,8.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 12.164974,9.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 2.4639243,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 1.6208677,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc2' at 4.084792,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvj…' at 4.0675903,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'attention' at 9.009791,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 6.2812524,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nvjet_…' at 6.2247802,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'norm' at 9.1251775,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'add…' at 8.4676612,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'sd…' at 11.269506,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'gather' at 15.304676,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'scatter' at 18.934172,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'inde…' at 18.553653,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'res…' at 21.245621,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'add…' at 21.228045,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'co…' at 22.814781,10.5 center font ',10' front textcolor rgb '#1a1a1a'
plot data skip 1 using 1:2:3:4:5:6:7 with boxxyerror fillcolor rgb variable fillstyle solid 1 border linecolor rgb '#fefefe' linewidth 0.8 notitle, \
  keyentry with boxes fillcolor rgb '#0072b2' fillstyle solid 1 noborder title 'bound by products', \
  keyentry with boxes fillcolor rgb '#56b4e9' fillstyle solid 1 noborder title 'bound by memory', \
  keyentry with boxes fillcolor rgb '#d55e00' fillstyle solid 1 noborder title '(launch)', \
  keyentry with boxes fillcolor rgb '#e69f00' fillstyle solid 1 noborder title '(host)', \
  keyentry with boxes fillcolor rgb '#c8c8c8' fillstyle solid 1 noborder title 'other, merged', \
  keyentry with boxes fillcolor rgb '#e4eaf0' fillstyle solid 1 noborder title 'range'
unset label
unset output
}
