import Foundation
import Testing

/// What the fuzzer once found worth keeping, tried again: a short run of minutes of work.
@Suite struct ReplayTests {
    @Test(arguments: FuzzTarget.all.map(\.name))
    func everythingKeptHolds(target name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let corpus = try Corpus.inputs(of: name)
        #expect(corpus.count > 3, "\(name) has hardly been fuzzed: scripts/fuzz \(name)")
        for input in corpus {
            #expect(input.count <= target.inputBytesMax)
            #expect(throws: Never.self, "\(input)") { try target.check(input) }
            // One step to every side of it.
            for place in input.indices.prefix(Self.placesMax) {
                var changed = input
                changed[place] ^= 1 << (place % 8)
                #expect(throws: Never.self, "\(changed)") { try target.check(changed) }
            }
        }
    }

    /// Bytes of each input that are changed, one at a time.
    private static let placesMax = 8

    @Test func everyCorpusHasItsDecoder() throws {
        let names = Set(FuzzTarget.all.map(\.name))
        #expect(names.count == FuzzTarget.all.count)
        #expect(try Corpus.names() == names)
    }

    /// A property that could not fail would be none.
    @Test func brokenPropertyIsToldInWords() {
        #expect(throws: Broken(description: "two")) { try hold(1 == 2, "two") }
        #expect(throws: Never.self) { try hold(1 == 1, "one") }
    }
}

/// Inputs in hexadecimal digits, one a line, in a file of their decoder's name.
enum Corpus {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appending(path: "Corpus")

    static func names() throws -> Set<String> {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path())
        return Set(files.map { String($0.prefix { $0 != "." }) })
    }

    static func inputs(of target: String) throws -> [[UInt8]] {
        let file = try Data(contentsOf: folder.appending(path: target + ".hex"))
        let lines = String(decoding: file, as: UTF8.self).split(separator: "\n")
        return try lines.map { try bytes(of: String($0)) }
    }

    static func bytes(of text: String) throws -> [UInt8] {
        let digits = Array(text.utf8)
        return try stride(from: 0, to: digits.count, by: 2).map { place in
            let pair = String(decoding: digits[place..<min(place + 2, digits.count)], as: UTF8.self)
            return try #require(UInt8(pair, radix: 16))
        }
    }
}
