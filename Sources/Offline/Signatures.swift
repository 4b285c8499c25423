internal import Cryptography
internal import Dispatch
internal import OfflineProtocol
internal import Synchronization

/// Checks what devices have signed, several at a time, on threads that serve nobody else: a large
/// upload must not keep a loop from its other connections.
final class Signatures: Sendable {
    private static let threads = 4
    /// Checks that are worth a thread of their own: about a millisecond.
    private static let pieceMin = 16
    /// Keys that are kept ready, of about 300 bytes each; then all are forgotten.
    private static let keysMax = 50_000

    private let keys = Mutex<[[UInt8]: VerifyingKey]>([:])
    private let queues = (0..<threads).map { DispatchQueue(label: "florin.signatures.\($0)") }

    /// Whether each is good, in their order.
    func areGood(_ checks: [SignatureCheck]) async -> [Bool] {
        guard !checks.isEmpty else { return [] }
        let size = max(Self.pieceMin, (checks.count + Self.threads - 1) / Self.threads)
        return await withCheckedContinuation { continuation in
            let gathering = Gathering(count: checks.count, size: size) {
                continuation.resume(returning: $0)
            }
            for (place, start) in stride(from: 0, to: checks.count, by: size).enumerated() {
                let piece = checks[start..<min(start + size, checks.count)]
                queues[place].async { gathering.add(piece.map(self.isGood), at: start) }
            }
        }
    }

    /// Other work that is too long for a loop: reading a certificate finds a square root.
    func work<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queues[Int.random(in: queues.indices)].async { continuation.resume(returning: body()) }
        }
    }

    private func isGood(_ check: SignatureCheck) -> Bool {
        key(check.publicKey)?.isValid(signature: check.signature, for: check.message) ?? false
    }

    /// Finding y takes longer than the check itself, so it is done once for each key.
    private func key(_ compressed: [UInt8]) -> VerifyingKey? {
        if let known = keys.withLock({ $0[compressed] }) { return known }
        guard let point = CurvePoint.uncompressed(compressed) else { return nil }
        do {
            let key = try VerifyingKey(x963: point)
            keys.withLock { keys in
                if keys.count >= Self.keysMax { keys = [:] }
                keys[compressed] = key
            }
            return key
        } catch {
            return nil
        }
    }
}

/// Puts the answers of several threads in their order.
private final class Gathering: Sendable {
    private struct State {
        var answers: [Bool]
        var missing: Int
    }

    private let state: Mutex<State>
    private let finish: @Sendable ([Bool]) -> Void

    init(count: Int, size: Int, finish: @escaping @Sendable ([Bool]) -> Void) {
        state = Mutex(
            State(
                answers: [Bool](repeating: false, count: count),
                missing: (count + size - 1) / size))
        self.finish = finish
    }

    func add(_ answers: [Bool], at start: Int) {
        let all = state.withLock { state -> [Bool]? in
            state.answers.replaceSubrange(start..<start + answers.count, with: answers)
            state.missing -= 1
            return state.missing == 0 ? state.answers : nil
        }
        if let all { finish(all) }
    }
}
