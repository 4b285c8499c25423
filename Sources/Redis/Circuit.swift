/// Whether Redis is worth asking: after a failure it is left alone for a while, longer each time.
///
/// A state machine without a clock and without a lock; its methods say what there is to tell.
struct Circuit {
    static let restMillisecondsFirst: Int64 = 100
    static let restMillisecondsMax: Int64 = 5_000

    enum News: Equatable {
        case nothing
        case went
        case cameBack
    }

    private(set) var isAway = false
    private var restMilliseconds = restMillisecondsFirst
    private var restsUntil = Int64.min

    /// Moments are milliseconds of a clock that only goes forward.
    func mayTry(at now: Int64) -> Bool { !isAway || now >= restsUntil }

    mutating func succeeded() -> News {
        defer { self = Circuit() }
        return isAway ? .cameBack : .nothing
    }

    mutating func failed(at now: Int64) -> News {
        restsUntil = now + restMilliseconds
        restMilliseconds = min(restMilliseconds * 2, Self.restMillisecondsMax)
        defer { isAway = true }
        return isAway ? .nothing : .went
    }
}
