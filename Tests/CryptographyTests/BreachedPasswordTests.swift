import Foundation
import Testing

@testable import Cryptography

@Suite("Passwords known from breaches")
struct BreachedPasswordTests {
    private let passwords = (0..<1000).map { "leaked \($0)" }

    private func list(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "breached-\(UInt64.random(in: .min ... .max))"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func lines(count: (Int) -> String) -> [String] {
        let hashes = passwords.map { String(decoding: BreachedPasswords.sha1($0), as: UTF8.self) }
        return hashes.sorted().enumerated().map { "\($1):\(count($0))" }
    }

    @Test(arguments: ["\r\n", "\n"], [true, false])
    func eachIsFoundWhereverItsLineStands(ending: String, isEnded: Bool) throws {
        // Counts of very different lengths: a search by bytes lands anywhere in a line.
        let lines = lines { $0 % 7 == 0 ? "9999999999" : "\($0 + 1)" }
        let path = try list(lines.joined(separator: ending) + (isEnded ? ending : ""))
        defer { _ = unsafe unlink(path) }
        let breached = try BreachedPasswords(path: path)
        for password in passwords { #expect(breached.contain(password), "\(password)") }
        for number in 0..<1000 { #expect(!breached.contain("never leaked \(number)")) }
    }

    @Test func aListOfOneIsAList() throws {
        let hash = String(decoding: BreachedPasswords.sha1("only"), as: UTF8.self)
        let path = try list(hash.lowercased() + ":1\n")
        defer { _ = unsafe unlink(path) }
        let breached = try BreachedPasswords(path: path)
        #expect(breached.contain("only"))
        #expect(!breached.contain("other"))
    }

    @Test func whatIsNoListIsNotTaken() throws {
        let backwards = lines { "\($0)" }.reversed().joined(separator: "\n")
        for text in ["", "password\n123456\n", backwards] {
            let path = try list(text)
            defer { _ = unsafe unlink(path) }
            #expect(throws: BreachedPasswords.Unusable.self) { try BreachedPasswords(path: path) }
        }
        #expect(throws: BreachedPasswords.Unusable.self) {
            try BreachedPasswords(path: "/nowhere/at/all")
        }
    }

    @Test func theHashIsThePublishedOne() {
        let hash = String(decoding: BreachedPasswords.sha1("password"), as: UTF8.self)
        #expect(hash == "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8")
    }
}
