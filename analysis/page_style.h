// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace dydit::analysis {

inline constexpr const char* page_style = R"css(
:root { color-scheme: light dark; --text: #1a1a1a; --page: #ffffff; --faint: #5c5c5c; --line: #d4d4d4; --box: #f5f5f5; --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --page: #16181b; --faint: #a8a8a8; --line: #3c4046; --box: #202327; --link: #7ab7f5; }
  figure svg:not(:has(image)) { filter: brightness(1.3); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 50rem; padding: 1.5rem 1rem 4rem; color: var(--text); background: var(--page);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
a { color: var(--link); }
.answer { font-size: 1.1rem; margin: 0 0 .75rem; }
figure { margin: 1rem 0 1.5rem; }
figure svg { display: block; width: 100%; max-width: 46rem; height: auto; margin: 0 auto; overflow: visible; }
figure svg text { font-family: system-ui, sans-serif; }
figure svg image { image-rendering: pixelated; }
figcaption, .note { color: var(--faint); font-size: .9rem; }
.scroll { overflow: auto; max-height: 36rem; border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .65rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { position: sticky; top: 0; background: var(--box); vertical-align: bottom; }
tbody tr:last-child > * { border-bottom: 0; }
th:first-child { text-align: left; font-weight: 600; }
.wide { font-size: .8rem; }
.wide th, .wide td { padding: .25rem .3rem; }
.trained th, .trained td, .pairs td { text-align: left; }
.pairs td, .trained td:nth-child(2) { white-space: normal; }
.pairs th { width: 9rem; }
.trained td:nth-child(2) { min-width: 15rem; }
.paper { color: var(--faint); }
pre { overflow: auto; max-height: 30rem; padding: .75rem 1rem; border-radius: 4px; background: var(--box); font-size: .85rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .scroll, pre { max-height: none; overflow: visible; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
)css";

}  // namespace dydit::analysis
