# Draws samples-dynamic-0.5.svg, samples-dynamic-0.5.pdf and samples-dynamic-0.5.png from samples-dynamic-0.5.csv: gnuplot samples-dynamic-0.5.gp
set encoding utf8
set datafile separator comma
data = 'samples-dynamic-0.5.csv'
R = 8; K = 3; W = 32; H = 32; G = 2

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,1085 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,11.302083333333334 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,2170 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'samples-dynamic-0.5.'.format
set lmargin at screen 0.36875
set rmargin at screen 0.98750
set bmargin at screen 0.00737
set tmargin at screen 0.99263
set xrange [0:100]
set yrange [270:0]
unset border
unset tics
unset key
unset label
set label 'dense + ddim 50' at screen 0.01250,first 13.979 left font ',11'
set label '94.7 ms, 1 times as fast' at screen 0.01250,first 18.021 left font ',11' textcolor rgb '#606060'
set label 'dense + fora:2 + ddim 50' at screen 0.01250,first 47.979 left font ',11'
set label '58.5 ms, 1.62 times as fast' at screen 0.01250,first 52.021 left font ',11' textcolor rgb '#606060'
set label 'dense + taylorseer:3,2 + ddim 50' at screen 0.01250,first 81.979 left font ',11'
set label '47.0 ms, 2.01 times as fast' at screen 0.01250,first 86.021 left font ',11' textcolor rgb '#606060'
set label 'compact + ddim 50' at screen 0.01250,first 115.979 left font ',11'
set label '60.1 ms, 1.58 times as fast' at screen 0.01250,first 120.021 left font ',11' textcolor rgb '#606060'
set label 'compact + fora:2 + ddim 50' at screen 0.01250,first 149.979 left font ',11'
set label '39.1 ms, 2.41 times as fast' at screen 0.01250,first 154.021 left font ',11' textcolor rgb '#606060'
set label 'compact + taylorseer:3,2 + ddim 50' at screen 0.01250,first 183.979 left font ',11'
set label '35.2 ms, 2.70 times as fast' at screen 0.01250,first 188.021 left font ',11' textcolor rgb '#606060'
set label 'dense + ddim 10' at screen 0.01250,first 217.979 left font ',11'
set label '19.0 ms, 4.97 times as fast' at screen 0.01250,first 222.021 left font ',11' textcolor rgb '#606060'
set label 'compact + ddim 10' at screen 0.01250,first 251.979 left font ',11'
set label '12.1 ms, 7.82 times as fast' at screen 0.01250,first 256.021 left font ',11' textcolor rgb '#606060'
plot for [r=0:R-1] for [k=0:K-1] data skip 1 every :::r*H::(r+1)*H-1 \
    using (k*(W+G)+$3+0.5):(r*(H+G)+$2+0.5):(int(column(4+k))>>16):(int(column(4+k))>>8&255):(int(column(4+k))&255) with rgbimage
unset output
}
