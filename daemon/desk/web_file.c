/* SPDX-License-Identifier: MIT */
/* The two files that pages ask for. Everything works without either. */
#include "daemon/desk/web.h"

static const char css[] = ":root{color-scheme:light dark;--line:#8886;--soft:#8881;--accent:#0b5cad;--on:#fff}\n"
                          "@media(prefers-color-scheme:dark){:root{--accent:#8cc4ff;--on:#06213f}}\n"
                          "*{box-sizing:border-box}\n"
                          "body{margin:0;font:1rem/1.5 system-ui,sans-serif}\n"
                          "header p{margin:0;padding:.75rem 1rem;border-bottom:1px solid var(--line);font-weight:600}\n"
                          "main{max-width:42rem;margin:0 auto;padding:1rem}\n"
                          "h1{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}\n"
                          "h2{font-size:1.125rem;margin:1.5rem 0 .5rem}\n"
                          "label,legend{display:block;font-weight:600}\n"
                          "label.score{display:inline-block;font-weight:400;padding:.5rem .75rem .5rem 0}\n"
                          "fieldset{border:0;margin:0;padding:0}\n"
                          "input:not([type=radio]),select,textarea{width:100%;font:inherit;padding:.5rem;border:1px "
                          "solid #777;border-radius:.25rem}\n"
                          "input[type=radio]{width:1.25rem;height:1.25rem;vertical-align:text-bottom}\n"
                          "button{font:inherit;font-weight:600;padding:.6rem 1.25rem;border:0;border-radius:.25rem;"
                          "background:var(--accent);color:var(--on);cursor:pointer}\n"
                          ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}\n"
                          "section.status{border:1px solid var(--line);border-left:.4rem solid var(--accent);padding:0 "
                          "1rem .25rem;margin:1rem 0}\n"
                          "section.status h2{margin-top:.75rem}\n"
                          "ol.messages{list-style:none;padding:0;margin:0}\n"
                          "ol.messages li{padding:.25rem .75rem;margin:.5rem 0;border-left:.25rem solid var(--line)}\n"
                          "ol.messages li.desk{border-left-color:var(--accent);background:var(--soft)}\n"
                          ".who{margin:.25rem 0;font-size:.9rem}\n"
                          ".words{white-space:pre-wrap;overflow-wrap:anywhere;margin:.25rem 0 .5rem}\n"
                          "details{border-top:1px solid var(--line);padding:.25rem 0}\n"
                          "summary{padding:.5rem 0;cursor:pointer}\n"
                          "table{border-collapse:collapse;width:100%}\n"
                          "th,td{text-align:left;padding:.35rem .5rem .35rem 0;border-bottom:1px solid var(--line)}\n"
                          ".problem,.done{padding:.75rem 1rem;border:2px solid}\n"
                          ".problem{border-color:#b3261e}.done{border-color:#2e7d32}\n"
                          ".hint{font-size:.9rem;display:block}\n"
                          ".trap{display:none}\n";

/* Times in the reader's own zone. A page in view asks now and then whether it is still as it is, and shows itself anew when it is
 * not, unless something is being typed. */
static const char js[] =
    "'use strict';\n"
    "function local(root){\n"
    "  const f=new Intl.DateTimeFormat(document.documentElement.lang,{dateStyle:'medium',timeStyle:'short'});\n"
    "  for(const t of root.querySelectorAll('time'))t.textContent=f.format(new Date(t.dateTime));\n"
    "}\n"
    "local(document);\n"
    "function typing(main){\n"
    "  return [...main.querySelectorAll('textarea,input')].some(e=>e.type==='radio'?e.checked!==e.defaultChecked:"
    "e.type!=='hidden'&&e.value!==e.defaultValue)||main.querySelector('details[open]');\n"
    "}\n"
    "async function look(){\n"
    "  const main=document.querySelector('main[data-state]');\n"
    "  if(!main)return;\n"
    "  let next=5000;\n"
    "  try{\n"
    "    if(!document.hidden){\n"
    "      const r=await fetch(main.dataset.state,{cache:'no-store'});\n"
    "      if(!r.ok)next=30000;\n"
    "      else{\n"
    "        const s=await r.json();\n"
    "        if(s.version+'.'+s.place!==main.dataset.seen&&!typing(main)){\n"
    "          const p=await fetch(location.pathname,{cache:'no-store'});\n"
    "          if(p.ok){\n"
    "            const fresh=new DOMParser().parseFromString(await p.text(),'text/html').querySelector('main');\n"
    "            if(fresh&&!typing(main)){main.replaceWith(fresh);local(fresh);}\n"
    "          }\n"
    "        }\n"
    "      }\n"
    "    }\n"
    "  }catch(e){next=30000;}\n"
    "  setTimeout(look,next);\n"
    "}\n"
    "setTimeout(look,5000);\n";

enum op_next
step_web_css(struct op *op)
{
    return op_reply_asset(op, "text/css; charset=utf-8", css);
}

enum op_next
step_web_js(struct op *op)
{
    return op_reply_asset(op, "text/javascript; charset=utf-8", js);
}
