# Draws quality-strip.svg, quality-strip.pdf and quality-strip.png from quality-strip.csv: gnuplot quality-strip.gp
set encoding utf8
set datafile separator comma
data = 'quality-strip.csv'
R = 7; K = 6; W = 32; H = 32; G = 2

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,478 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,4.979166666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,956 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'quality-strip.'.format
set lmargin at screen 0.36875
set rmargin at screen 0.98750
set bmargin at screen 0.01674
set tmargin at screen 0.98326
set xrange [0:202]
set yrange [236:0]
unset border
unset tics
unset key
unset label
set label 'large + ddim 50' at screen 0.01250,first 11.913 left font ',11'
set label '98.2 ms, distance 3.19, dense' at screen 0.01250,first 20.087 left font ',11' textcolor rgb '#606060'
set label 'dynamic-0.7 + ddim 50' at screen 0.01250,first 45.913 left font ',11'
set label '81.0 ms, distance 3.07, compact' at screen 0.01250,first 54.087 left font ',11' textcolor rgb '#606060'
set label 'dynamic-0.7 + ddim 30' at screen 0.01250,first 79.913 left font ',11'
set label '48.1 ms, distance 3.17, compact' at screen 0.01250,first 88.087 left font ',11' textcolor rgb '#606060'
set label 'dynamic-0.5 + taylorseer:3,2 + ddim 50' at screen 0.01250,first 113.913 left font ',11'
set label '36.1 ms, distance 3.28, compact' at screen 0.01250,first 122.087 left font ',11' textcolor rgb '#606060'
set label 'dynamic-0.5 + ddim 20' at screen 0.01250,first 147.913 left font ',11'
set label '24.5 ms, distance 3.43, compact' at screen 0.01250,first 156.087 left font ',11' textcolor rgb '#606060'
set label 'dynamic-0.7 + ddim 10' at screen 0.01250,first 181.913 left font ',11'
set label '16.3 ms, distance 3.82, compact' at screen 0.01250,first 190.087 left font ',11' textcolor rgb '#606060'
set label 'large + ddim 5' at screen 0.01250,first 215.913 left font ',11'
set label '9.89 ms, distance 4.98, dense' at screen 0.01250,first 224.087 left font ',11' textcolor rgb '#606060'
plot for [r=0:R-1] for [k=0:K-1] data skip 1 every :::r*H::(r+1)*H-1 \
    using (k*(W+G)+$3+0.5):(r*(H+G)+$2+0.5):(int(column(4+k))>>16):(int(column(4+k))>>8&255):(int(column(4+k))&255) with rgbimage
unset output
}
