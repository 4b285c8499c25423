internal import Synchronization
internal import Values

/// One at a time for each currency, in the order of asking. Payments online are in nobody's way:
/// only what decides about offline money passes here.
final class Lanes: Sendable {
    /// Those who may wait for a lane; one more is refused with 503 before anything is done.
    static let waitingMax = 5_000

    private struct Lane {
        /// Each is told whether the lane is full; who waits is told that it is not.
        var waiting: [CheckedContinuation<Bool, Never>] = []
        /// The place of the next in `waiting`: taking the first of a long array moves all others.
        var next = 0
    }

    /// A lane is here while somebody is in it.
    private let lanes = Mutex<[Currency: Lane]>([:])

    func exclusively<Value>(
        _ currency: Currency, _ body: () async throws -> Value
    ) async throws -> Value {
        try await enter(currency)
        defer { leave(currency) }
        return try await body()
    }

    private enum Entrance {
        case free
        case full
        case occupied
    }

    private func enter(_ currency: Currency) async throws(TurnLost) {
        let isFull = await withCheckedContinuation { continuation in
            let entrance = lanes.withLock { lanes -> Entrance in
                guard let lane = lanes[currency] else {
                    lanes[currency] = Lane()
                    return .free
                }
                guard lane.waiting.count - lane.next < Self.waitingMax else { return .full }
                lanes[currency]?.waiting.append(continuation)
                return .occupied
            }
            if entrance != .occupied { continuation.resume(returning: entrance == .full) }
        }
        if isFull { throw TurnLost() }
    }

    private func leave(_ currency: Currency) {
        let next = lanes.withLock { lanes -> CheckedContinuation<Bool, Never>? in
            guard var lane = lanes[currency], lane.next < lane.waiting.count else {
                lanes[currency] = nil
                return nil
            }
            defer { lanes[currency] = lane }
            lane.next += 1
            return lane.waiting[lane.next - 1]
        }
        next?.resume(returning: false)
    }
}
