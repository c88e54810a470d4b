import * as fc from "fast-check"
import { document } from "./documents.js"
import { pieces } from "../../src/internal/markdown/cut.js"
const docs = fc.sample(document, { numRuns: 300, seed: 3 })
for (let i = 0; i < 3; i++) for (const d of docs) pieces(d, 512)
