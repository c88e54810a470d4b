import * as fc from "fast-check"
import { document } from "./documents.js"
import { merge, read, readPieces } from "./reading.js"
import { pieces } from "../../src/internal/markdown/cut.js"
let t = performance.now()
const docs = fc.sample(document, { numRuns: 500, seed: 3 })
console.log("gen", performance.now() - t, "bytes", docs.reduce((n, d) => n + d.length, 0)); t = performance.now()
const slow: Array<[number, number]> = []
const ps = docs.map((d, i) => { const t = performance.now(); const r = pieces(d, 512); slow.push([performance.now() - t, i]); return r }); console.log("split", performance.now() - t); t = performance.now()
slow.sort((a, b) => b[0] - a[0]); console.log(slow.slice(0, 5), docs[slow[0]![1]]!.length)
docs.map((d) => merge(read(d))); console.log("read", performance.now() - t); t = performance.now()
ps.map((d) => merge(readPieces(d))); console.log("readp", performance.now() - t)
