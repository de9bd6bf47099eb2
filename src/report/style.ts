/** Look of every page: light and dark, narrow and wide, screen and paper. All text has a contrast of 4.5 or more. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d0d7de;--panel:#f6f8fa;--link:#0550ae;--good:#116329;--goodbg:#dafbe1;--warn:#7d4e00;--warnbg:#fff3cd;--bad:#a40e26;--badbg:#ffebe9;--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--c4:#bf3989;--c5:#4d5560}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#9aa4af;--line:#30363d;--panel:#161b22;--link:#79b8ff;--good:#7ee787;--goodbg:#0f2d1a;--warn:#f2cc60;--warnbg:#2e2505;--bad:#ff9b95;--badbg:#3c1114;--c0:#58a6ff;--c1:#f0883e;--c2:#56d364;--c3:#bc8cff;--c4:#f778ba;--c5:#a8b1bb}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main,footer{max-width:1000px;margin:0 auto;padding:0 20px}
header{padding-top:20px}
h1{font-size:1.6rem;line-height:1.25;margin:.2em 0}
h2{font-size:1.25rem;margin:2em 0 .5em;padding-top:.5em;border-top:1px solid var(--line)}
h3{font-size:1.02rem;margin:1.6em 0 .4em}
a{color:var(--link);text-underline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--bg);padding:8px;z-index:2}
:focus-visible{outline:3px solid var(--c0);outline-offset:2px}
nav ul{list-style:none;padding:0;margin:12px 0;display:flex;flex-wrap:wrap;gap:4px 16px}
.small,.unit{color:var(--soft);font-size:.85rem;font-weight:400}
.status{display:inline-block;padding:1px 10px;border-radius:12px;font-weight:600;border:1px solid}
.good{color:var(--good);background:var(--goodbg)}.warning{color:var(--warn);background:var(--warnbg)}.bad{color:var(--bad);background:var(--badbg)}
.notice{border:1px solid;border-radius:6px;padding:8px 14px;margin:12px 0}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin:14px 0;padding:0;list-style:none}
.tiles li{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:6px 16px;min-width:90px}
.tiles b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
dl.facts{display:grid;grid-template-columns:minmax(10em,max-content) 1fr;gap:2px 18px;margin:8px 0}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:12px 0;max-height:560px;overflow-y:auto;border:1px solid var(--line);border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.88rem}
caption{text-align:left;padding:8px 10px;font-weight:600}caption .small{display:block}
th,td{padding:4px 10px;text-align:left;border-top:1px solid var(--line);vertical-align:top}
td{overflow-wrap:break-word}td.word{white-space:nowrap}td.words{min-width:11em}td code{white-space:pre-wrap;overflow-wrap:anywhere}
th{background:var(--panel);position:sticky;top:0;font-weight:600;vertical-align:bottom}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit}
th[aria-sort=ascending] button::after{content:" \\25B2"}th[aria-sort=descending] button::after{content:" \\25BC"}
.number{text-align:right;font-variant-numeric:tabular-nums}td.number{white-space:nowrap}
pre,code{font:.85rem/1.45 ui-monospace,Consolas,monospace}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:10px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
details{margin:10px 0}summary{cursor:pointer;font-weight:600}
figure{margin:18px 0}figure>figcaption:first-child{margin-bottom:6px}figure details{font-size:.9rem}figcaption{font-size:.9rem;color:var(--soft);max-width:46em}figcaption b{color:var(--fg)}
figure img,.chart{max-width:100%;height:auto;display:block}
.paper{background:#fff;padding:8px;border-radius:6px;border:1px solid var(--line)}
select{font:inherit;padding:3px 8px;border:1px solid var(--soft);border-radius:6px;background:var(--bg);color:var(--fg)}.choices{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;margin:8px 0}.readout{min-height:1.5em;margin:2px 0;font-size:.85rem;color:var(--soft);font-variant-numeric:tabular-nums}svg .cross{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 2}.grid2{align-items:start;display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:14px}
.grid2.wide{grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr))}.grid2 figure{margin:6px 0;min-width:0}
.scale{display:flex;gap:8px;align-items:center;font-size:.85rem;margin:4px 0;color:var(--soft)}.ramp{width:180px;height:10px;border-radius:3px}
svg text{fill:var(--fg);font:12px system-ui,sans-serif}svg .note{fill:var(--soft);font-size:11px}
svg .grid{stroke:var(--line);stroke-width:1}svg .bar{fill:var(--c0)}svg .line{fill:none;stroke-width:2}
svg .line.c0{stroke:var(--c0)}svg .line.c1{stroke:var(--c1)}svg .line.c2{stroke:var(--c2)}svg .line.c3{stroke:var(--c3)}svg .line.c4{stroke:var(--c4)}svg .line.c5{stroke:var(--c5)}
svg .span.c0{fill:var(--c0)}svg .span.c1{fill:var(--c1)}svg .span.c2{fill:var(--c2)}svg .span.c3{fill:var(--c3)}svg .span.c4{fill:var(--c4)}svg .span.c5{fill:var(--c5)}
svg .span.failed,svg .span.cancelled,svg .span.unfinished{stroke:var(--bad);stroke-width:2}
.dot{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}.dot.c0{background:var(--c0)}.dot.c1{background:var(--c1)}.dot.c2{background:var(--c2)}.dot.c3{background:var(--c3)}.dot.c4{background:var(--c4)}.dot.c5{background:var(--c5)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;padding:0;font-size:.85rem}
.graph .box{fill:var(--panel);stroke:var(--soft)}.graph .box.failed{stroke:var(--bad);stroke-width:2.5}.graph .box.skipped{stroke:var(--warn);stroke-width:2.5}.graph .edge{fill:none;stroke:var(--soft)}.graph .gather{stroke-width:2.5}.graph .tip{fill:var(--soft)}
.stage{max-width:900px;border-radius:6px;overflow:hidden}.viewer canvas{display:block;width:100%;height:420px}
.viewer [hidden]{display:none}
button.start,button.copy{font:inherit;padding:4px 14px;border:1px solid var(--soft);border-radius:6px;background:var(--panel);color:var(--fg);cursor:pointer}
input.filter{font:inherit;padding:3px 8px;margin:6px 0;border:1px solid var(--soft);border-radius:6px;background:var(--bg);color:var(--fg)}
html:not(.js) .needs-script{display:none}
footer{color:var(--soft);font-size:.85rem;margin-top:40px;padding-bottom:30px}
@media print{:root{--bg:#fff;--fg:#000;--soft:#444;--panel:#fff;--line:#bbb;color-scheme:light}nav,.viewer,.needs-script,.skip,.filter{display:none!important}table{font-size:.72rem}th,td{padding:2px 5px}th,th *,td,td.word{white-space:normal;overflow-wrap:anywhere}th button{display:inline}td.words{min-width:0}body{font-size:10pt}.scroll{max-height:none;overflow:visible;border:0}h2,h3,caption{break-after:avoid}figure,tr,li{break-inside:avoid}th{position:static}a{color:inherit}details{display:block}header,main,footer{max-width:none;padding:0}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;
