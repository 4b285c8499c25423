import Glibc
import OfflineProtocol
import TestSupport
import Testing

/// The same source, compiled for browsers: whatever is asked of both, they answer with the same
/// bytes.
@Suite("The protocol as WebAssembly", .timeLimit(.minutes(3)))
struct WasmTests {
    /// Bytes that a page has to fetch, as the server compresses them at least.
    private static let moduleBytesMax = 60_000

    @Test func bothBuildsAnswerAlike() async throws {
        let seed = UInt64.random(in: .min ... .max)
        let scenes = DeviceScenes()
        try scenes.play()
        Self.objects(seed, scenes.transcript)
        let folder = TestFolder("florin-wasm")
        defer { folder.remove() }
        let module = folder.path + "/offline.wasm"
        _ = try await Self.run(Self.root + "/scripts/build-wasm", module)
        let questions = scenes.transcript.questions
        let lines = questions.map { "\($0.call) \(Self.hex($0.bytes))\n" }
        let file = folder.file("questions", lines.joined())
        let output = try await Self.run("/usr/bin/node", Self.root + "/wasm/ask.mjs", module, file)
        let answers = output.split(separator: "\n")
        try #require(answers.count == questions.count, "seed \(seed)")
        for (question, answer) in zip(questions, answers) where Self.hex(question.answer) != answer
        {
            Issue.record("call \(question.call) of \(Self.hex(question.bytes)); seed \(seed)")
        }
        #expect(try await Self.bytesToFetch(module) < Self.moduleBytesMax)
    }

    /// The comparison is worth as much as what was asked.
    @Test func everyCallAndEveryRefusalIsAmongTheQuestions() throws {
        let scenes = DeviceScenes()
        try scenes.play()
        let calls = Set(scenes.transcript.questions.map(\.call))
        #expect(calls.isSuperset(of: DeviceCall.allCases.map(\.rawValue)))
        let refusals = scenes.transcript.refusals
        #expect(refusals.isSuperset(of: SpendRefusal.allCases.map(\.name)))
        #expect(refusals.isSuperset(of: NewsRefusal.allCases.map(\.name)))
        #expect(refusals.isSuperset(of: Self.payment.map(\.name)))
        #expect(refusals.isSuperset(of: Self.steps.map(\.name)))
    }

    private static let payment: [PaymentRefusal] = [
        .issuerUnknown, .algorithmUnknown, .currencyDiffers, .certificateForged, .expiresTooSoon,
        .payerRevoked(.issuer), .recordForged, .amountAboveTransferLimit, .counterAboveLimit,
        .sentTotalAboveLimit, .hopInvalid, .sourceSpentAboveLimit, .sourceNotThePayers,
        .sourceOverdrawn, .tooManyHops, .notForMe, .requestUnknown, .sumDiffers, .abovePolicy,
        .datedAfterExpiry,
    ]
    private static let steps: [StepRefusal] = [.paymentUnknown, .stepOutOfOrder, .signatureForged]

    /// Every vector, whole and damaged, under every call that may take it.
    private static func objects(_ seed: UInt64, _ transcript: Transcript) {
        var random = SplitMix64(seed: seed)
        for sample in Vectors.samples {
            for call in [
                ProtocolCall.digest, .recode, .identify, .message, .encodeBase45, .text, .frames,
            ] { transcript.ask(call, sample.bytes) }
            transcript.ask(.decodeBase45, Base45.encode(sample.bytes))
            for _ in 0..<24 {
                var bytes = sample.bytes
                bytes[Int.random(in: bytes.indices, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
                transcript.ask(.recode, bytes)
                transcript.ask(.identify, bytes)
            }
            scan(CodeText.frames(of: sample.bytes), transcript, using: &random)
            scan([CodeText.whole(sample.bytes)], transcript, using: &random)
        }
        for _ in 0..<60 {
            let x = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            transcript.ask(.decompress, [2 + x[0] & 1] + x)
            transcript.ask(.code, Array(x.prefix(16)))
            transcript.ask(.nameTag, x)
            transcript.ask(.decodeBase45, x.map { 0x20 + $0 % 64 })
        }
        conflicts(transcript, using: &random)
    }

    /// All texts in some order, all but one of them, and with one that is damaged.
    private static func scan(
        _ texts: [[UInt8]], _ transcript: Transcript, using random: inout SplitMix64
    ) {
        func ask(_ texts: [[UInt8]]) {
            transcript.ask(.assemble, texts.reduce(Words()) { $0.field($1) }.bytes)
        }
        let shuffled = texts.shuffled(using: &random)
        ask(shuffled)
        ask(Array(shuffled.dropFirst()))
        var damaged = shuffled
        damaged[0][Int.random(in: damaged[0].indices, using: &random)] ^= 1
        ask(damaged)
    }

    private static func conflicts(
        _ transcript: Transcript, using random: inout SplitMix64
    ) {
        let records = (0..<12).map { _ in
            let amount = UInt32.random(in: 1...9, using: &random)
            let spent = amount + UInt32.random(in: 0...9, using: &random)
            return SpendRecord(
                payer: WalletID(UInt64.random(in: 1...2, using: &random)), payee: .issuer,
                counter: UInt32.random(in: 1...3, using: &random), amount: amount,
                sourceSpent: spent, sentTotal: spent + UInt32.random(in: 0...9, using: &random),
                time: 0, hop: 1, source: .none, request: .none, previous: .none)
        }
        for first in records {
            for second in records { transcript.ask(.conflict, first.encoded + second.encoded) }
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
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

    private static func bytesToFetch(_ file: String) async throws -> Int {
        let output = try await run("/bin/sh", "-c", "gzip -9 -c '\(file)' | wc -c")
        return try #require(Int(output.trimmingPrefix { $0 == " " }.prefix { $0.isNumber }))
    }
}
