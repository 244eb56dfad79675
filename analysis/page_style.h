// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace dydit::analysis {

inline constexpr const char* page_style = R"css(
:root { color-scheme: light dark; --text: #1a1a1a; --page: #ffffff; --faint: #5c5c5c; --line: #d4d4d4; --box: #f5f5f5; --link: #0b5cad; --alarm: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --page: #16181b; --faint: #a8a8a8; --line: #3c4046; --box: #202327; --link: #7ab7f5; --alarm: #ff8a80; }
  figure svg:not(:has(image)) { filter: brightness(1.3); }
  figure svg [stroke="rgb(176, 176, 176)"] { stroke: #5a5f66; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; color: var(--text); background: var(--page);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
a { color: var(--link); }
p, ul, ol, figcaption { max-width: 46rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
nav { margin-top: 1.5rem; }
nav h2 { font-size: 1rem; margin-bottom: .25rem; }
nav ol { margin: 0; padding-left: 1.5rem; columns: 2 22rem; max-width: none; }
.answer { font-size: 1.1rem; margin: 0 0 .75rem; }
.answer b { white-space: nowrap; }
.alarm { border-left: .25rem solid var(--alarm); padding-left: .75rem; }
.alarm a { color: var(--alarm); font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .75rem; list-style: none;
  max-width: none; margin: 1.25rem 0 .5rem; padding: 0; }
.tiles a { display: grid; grid-template-columns: 1fr auto; align-content: start; gap: .25rem .5rem; height: 100%;
  padding: .75rem .9rem; border: 1px solid var(--line); border-radius: 6px; background: var(--box); color: inherit;
  text-decoration: none; line-height: 1.35; }
.tiles a:hover { border-color: var(--link); }
.question { font-weight: 600; }
.tiles strong { align-self: start; border: 1px solid currentColor; border-radius: 1rem; padding: 0 .6rem; font-size: .85rem;
  white-space: nowrap; }
.cannot-tell strong { color: var(--faint); border-style: dashed; font-weight: 400; }
.number, .label { grid-column: 1 / -1; }
.number { font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.label, figcaption, .note { color: var(--faint); font-size: .9rem; }
.label { font-size: .85rem; }
figure { margin: 1rem 0 1.5rem; }
.plot { overflow-x: auto; max-width: 47rem; margin: 0 -.5rem; padding: .25rem .5rem; }
figure svg { display: block; width: 100%; min-width: 22rem; height: auto; overflow: visible; }
figure svg text { font-family: system-ui, sans-serif; }
.files { font-size: .8rem; white-space: nowrap; }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--link); }
.scroll { overflow-x: auto; margin: .75rem 0; border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: collapse; min-width: 100%; font-size: .8rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .45rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { background: var(--box); vertical-align: bottom; }
tbody tr:last-child > * { border-bottom: 0; }
th:first-child { text-align: left; font-weight: 600; }
.models th, .models td, .pairs th, .pairs td { text-align: left; vertical-align: top; }
.pairs td, .models td:nth-child(2), .models td:nth-child(5) { white-space: normal; }
.models td:nth-child(2) { min-width: 15rem; }
pre { overflow: auto; max-height: 30rem; padding: .75rem 1rem; border-radius: 4px; background: var(--box); font-size: .85rem; }
@media (max-width: 30rem) {
  .tiles { gap: .5rem; }
  .tiles a { padding: .6rem .75rem; }
}
@media print {
  @page { size: A4; margin: 15mm; }
  :root { color-scheme: light; --text: #000000; --page: #ffffff; --faint: #444444; --line: #bbbbbb; --box: #f5f5f5; --link: #000000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  summary { display: none; }
  .tiles { grid-template-columns: repeat(3, 1fr); }
  .number { font-size: 1.1rem; }
  .scroll, .plot, pre { max-height: none; overflow: visible; border: 0; }
  figure svg { min-width: 0; max-width: 15cm; filter: none; }
  table { min-width: 0; width: 100%; font-size: 6.5pt; }
  th, td { padding: .15rem .2rem; white-space: normal; }
  pre { white-space: pre-wrap; }
  .files { display: none; }
  figure, tr, .answer, .tiles li { break-inside: avoid; }
  thead { display: table-header-group; }
  h2, h3, .answer { break-after: avoid; }
}
)css";

}  // namespace dydit::analysis
