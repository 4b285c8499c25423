import Glibc
import OfflineProtocol
import TestSupport
import Testing

/// The same source, compiled for browsers: whatever is asked of both, they answer with the same
/// bytes.
@Suite("The protocol as WebAssembly", .timeLimit(.minutes(3)))
struct WasmTests {
    /// Bytes that a page may have to fetch.
    private static let moduleBytesMax = 60_000

    private struct Question {
        let call: ProtocolCall
        let bytes: [UInt8]

        var line: String { "\(call.rawValue) \(Self.hex(bytes))" }
        var answer: String { Self.hex(call.answer(bytes)) }

        private static func hex(_ bytes: [UInt8]) -> String {
            bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }

    @Test func bothBuildsAnswerAlike() async throws {
        let seed = UInt64.random(in: .min ... .max)
        let questions = try Self.questions(seed)
        let folder = TestFolder("florin-wasm")
        defer { folder.remove() }
        let module = folder.path + "/offline.wasm"
        _ = try await Self.run(Self.root + "/scripts/build-wasm", module)
        #expect(Self.bytes(of: module) < Self.moduleBytesMax)
        let file = folder.file("questions", questions.map { $0.line + "\n" }.joined())
        let output = try await Self.run("/usr/bin/node", Self.root + "/wasm/ask.mjs", module, file)
        let answers = output.split(separator: "\n")
        try #require(answers.count == questions.count, "seed \(seed)")
        for (question, answer) in zip(questions, answers) where question.answer != answer {
            Issue.record("\(question.line): \(answer), not \(question.answer); seed \(seed)")
        }
        // The comparison would be worth little if all were refused, or none.
        let refused = answers.count { $0 == "01" }
        #expect(refused > 100 && refused < answers.count / 2)
    }

    /// Every vector, whole and damaged, under every call that may take it.
    private static func questions(_ seed: UInt64) throws -> [Question] {
        var random = SplitMix64(seed: seed)
        var questions: [Question] = []
        for sample in Vectors.samples {
            for call in [ProtocolCall.digest, .recode, .identify, .message, .encodeBase45] {
                questions.append(Question(call: call, bytes: sample.bytes))
            }
            questions.append(
                Question(call: .decodeBase45, bytes: Base45.encode(sample.bytes)))
            for _ in 0..<24 {
                var bytes = sample.bytes
                bytes[Int.random(in: bytes.indices, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
                questions.append(Question(call: .recode, bytes: bytes))
                questions.append(Question(call: .identify, bytes: bytes))
            }
        }
        for _ in 0..<60 {
            let x = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            questions.append(Question(call: .decompress, bytes: [2 + x[0] & 1] + x))
            questions.append(Question(call: .code, bytes: Array(x.prefix(16))))
            questions.append(Question(call: .nameTag, bytes: x))
            questions.append(Question(call: .decodeBase45, bytes: x.map { 0x20 + $0 % 64 }))
        }
        return questions + conflicts(using: &random)
    }

    private static func conflicts(using random: inout SplitMix64) -> [Question] {
        let records = (0..<12).map { _ in
            let amount = UInt32.random(in: 1...9, using: &random)
            let spent = amount + UInt32.random(in: 0...9, using: &random)
            return SpendRecord(
                payer: WalletID(UInt64.random(in: 1...2, using: &random)), payee: .issuer,
                counter: UInt32.random(in: 1...3, using: &random), amount: amount,
                sourceSpent: spent, sentTotal: spent + UInt32.random(in: 0...9, using: &random),
                time: 0, hop: 1, source: .none, request: .none, previous: .none)
        }
        return records.flatMap { first in
            records.map { second in
                Question(call: .conflict, bytes: first.encoded + second.encoded)
            }
        }
    }

    // MARK: Files and programs

    private static let root = #filePath.split(separator: "/").dropLast(3)
        .reduce(into: "") { $0 += "/" + $1 }

    private static func run(_ program: String, _ arguments: String...) async throws -> String {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
        let running = RunningProgram(program, arguments, environment: ["PATH": path])
        let ending = try await running.ended()
        try #require(ending == .exited(0), "\(running.output)\(running.complaints)")
        return running.output
    }

    private static func bytes(of file: String) -> Int {
        var status = stat()
        return unsafe stat(file, &status) == 0 ? Int(status.st_size) : .max
    }
}
