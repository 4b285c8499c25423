internal import HTTP
internal import Redis
internal import Telemetry
internal import Values

extension Identity {
    /// What every code passes before it is sent.
    package var codeGate: CodeGate { CodeGate(identity: self) }
}

/// Caps on codes by telephone number, address, prefix and country, and the guard against numbers
/// that are pumped.
///
/// Whether the number has a wallet is asked afterwards, so a refusal here tells nothing about it.
package struct CodeGate: Sendable {
    let identity: Identity

    /// Lets one code pass, or says when to come back.
    ///
    /// - Parameter isFirst: for somebody who has just come: codes that others asked for to their
    ///   number shall not keep them out.
    package func admit(
        to address: CodeAddress, isFirst: Bool = false, from origin: Origin
    ) async throws {
        let now = identity.clock.now
        let wishes = wishes(address, isFirst, origin)
        let (verdict, place) = await identity.buckets.take(
            wishes.map { ($0.key, $0.quota) }, at: now)
        if let seconds = verdict.retryAfterSeconds {
            if let place { CodeInstruments.shared.count(wishes[place].cap) }
            throw IdentityRejection.tooManyAttempts(retryAfter: seconds)
        }
        guard case .phone(let phone) = address else { return }
        try await requireNotPumped(NumberPrefix(phone), now)
    }

    // MARK: Caps

    enum Cap: UInt16, CaseIterable {
        case phone
        case address
        case prefix
        case country
        case stop
    }

    private struct Wish {
        let cap: Cap
        let key: BucketKey
        let quota: Quota

        init(_ cap: Cap, high: UInt64 = 0, low: UInt64, _ quota: Quota) {
            self.cap = cap
            key = BucketKey(kind: RateLimiter.kindsMax + cap.rawValue, high: high, low: low)
            self.quota = quota
        }
    }

    private func wishes(_ target: CodeAddress, _ isFirst: Bool, _ origin: Origin) -> [Wish] {
        let limits = identity.codeLimits
        var wishes: [Wish] = []
        if !isFirst {
            // A keyed hash: Redis is told nobody's number.
            let index = identity.index(target)
            wishes.append(
                Wish(.phone, high: word(index.prefix(8)), low: word(index[8..<16]), limits.phone))
        }
        if case .phone(let phone) = target {
            let (prefix, country) = (NumberPrefix(phone), CallingCode(phone))
            wishes.append(Wish(.prefix, low: prefix.number, limits.prefix))
            wishes.append(Wish(.country, low: country.number, limits.quota(of: country)))
        }
        if let address = origin.address.flatMap({ NetworkAddress($0) })?.subscriber {
            wishes.append(Wish(.address, high: address.high, low: address.low, limits.address))
        }
        return wishes
    }

    private func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// What is counted of the gate.
struct CodeInstruments: Sendable {
    static let shared = CodeInstruments()

    private let refusals = CodeGate.Cap.allCases.map { cap in
        Metrics.shared.counter(
            "codes_refused",
            help: "One-time codes that were not sent, by the cap that was reached.",
            labels: [("cap", "\(cap)")])
    }
    let stops = Metrics.shared.counter(
        "code_stops", help: "Prefixes whose codes went unanswered and were stopped.")

    func count(_ cap: CodeGate.Cap) { refusals[Int(cap.rawValue)].increment() }
}
