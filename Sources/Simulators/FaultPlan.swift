package import HTTP
internal import Values

/// How a simulated vendor misbehaves.
package enum Fault: String, Sendable, CaseIterable {
    /// Answers, but late.
    case delay
    /// Sends a callback twice.
    case duplicateCallback = "duplicate_callback"
    /// Sends a callback long after those that came later.
    case reorderCallback = "reorder_callback"
    case dropCallback = "drop_callback"
    /// 5xx, and nothing was done.
    case errorBeforeActing = "error_before_acting"
    /// 5xx, and it was done.
    case errorAfterActing = "error_after_acting"
    /// Never answers, and nothing was done.
    case silenceBeforeActing = "silence_before_acting"
    /// Never answers, and it was done.
    case silenceAfterActing = "silence_after_acting"
    /// It was done, and the answer breaks off.
    case halfAnswer = "half_answer"
    /// The signature of a callback is wrong; of vendors that sign nothing, its address.
    case wrongSignature = "wrong_signature"
    /// A callback that says the opposite comes too.
    case contradict
    /// It is done, said to be done, and taken back.
    case paidThenFailed = "paid_then_failed"
    /// The operator's account there is empty.
    case emptyFloat = "empty_float"
}

/// Which faults happen: by rate under a seed, by the number of a call, or both. The same plan and
/// the same calls give the same faults.
package struct FaultPlan: Sendable {
    package struct Rule: Sendable, Equatable {
        /// `stk_push`, or every operation.
        package let operation: String?
        package let fault: Fault
        /// Of a thousand calls.
        package let perMille: Int64
        /// The call with this number, counted for each operation from 1.
        package let call: Int64?
        /// For faults that last.
        package let seconds: Int64

        package init(
            _ fault: Fault, operation: String? = nil, perMille: Int64 = 1000, call: Int64? = nil,
            seconds: Int64 = 20
        ) {
            self.operation = operation
            self.fault = fault
            self.perMille = perMille
            self.call = call
            self.seconds = seconds
        }
    }

    package static let rulesMax = 64
    package static let secondsMax: Int64 = 30 * 86_400

    package let seed: UInt64
    package let rules: [Rule]
    private var random: Draw
    private var calls: [String: Int64] = [:]

    package init(seed: UInt64 = 0, rules: [Rule] = []) {
        self.seed = seed
        self.rules = rules
        random = Draw(state: seed)
    }

    /// A little of everything.
    package static func random(seed: UInt64) -> FaultPlan {
        FaultPlan(seed: seed, rules: Fault.allCases.map { Rule($0, perMille: 80) })
    }

    package struct Unreadable: Error, CustomStringConvertible {
        package let description: String
    }

    /// `{"seed": 7, "rules": [{"fault": "delay", "operation": "stk_push", "rate": 100}]}`
    package init(_ json: JSON) throws(Unreadable) {
        guard let object = json.object,
            object.members.allSatisfy({ ["seed", "rules"].contains($0.name) })
        else { throw Unreadable(description: "a plan has `seed` and `rules`") }
        let seed = json["seed"]?.integer ?? 0
        guard seed >= 0 else { throw Unreadable(description: "a seed is not negative") }
        guard let list = json["rules"]?.array, list.count <= Self.rulesMax else {
            guard json["rules"] == nil else {
                throw Unreadable(description: "`rules` is a list of at most \(Self.rulesMax)")
            }
            self = .random(seed: UInt64(seed))
            return
        }
        var rules: [Rule] = []
        for entry in list { rules.append(try Rule(entry)) }
        self.init(seed: UInt64(seed), rules: rules)
    }

    /// The faults of the next call of this operation.
    package mutating func next(_ operation: String) -> [Rule] {
        let number = calls[operation, default: 0] + 1
        calls[operation] = number
        var chosen: [Rule] = []
        for rule in rules where rule.operation == nil || rule.operation == operation {
            // Drawn for every rule, so that leaving one out changes no other.
            let draw = random.next(below: 1000)
            let isTurn = rule.call.map { $0 == number } ?? true
            if isTurn, draw < rule.perMille { chosen.append(rule) }
        }
        return chosen
    }

    /// A number for what the simulator itself leaves to chance.
    package mutating func draw(below bound: Int64) -> Int64 { random.next(below: bound) }
}

extension FaultPlan.Rule {
    fileprivate init(_ json: JSON) throws(FaultPlan.Unreadable) {
        let known: Set = ["fault", "operation", "rate", "call", "seconds"]
        guard let object = json.object, object.members.allSatisfy({ known.contains($0.name) })
        else {
            throw FaultPlan.Unreadable(
                description: "a rule has `fault`, perhaps `operation`, `rate`, `call`, `seconds`")
        }
        guard let fault = json["fault"]?.string.flatMap({ Fault(rawValue: $0) }) else {
            let names = Fault.allCases.map(\.rawValue).joined(separator: ", ")
            throw FaultPlan.Unreadable(description: "`fault` is one of \(names)")
        }
        let (rate, seconds) = (json["rate"]?.integer ?? 1000, json["seconds"]?.integer ?? 20)
        guard (0...1000).contains(rate), (0...FaultPlan.secondsMax).contains(seconds) else {
            throw FaultPlan.Unreadable(
                description: "`rate` is of a thousand, `seconds` at most \(FaultPlan.secondsMax)")
        }
        self.init(
            fault, operation: json["operation"]?.string, perMille: rate,
            call: json["call"]?.integer, seconds: seconds)
    }
}

/// SplitMix64: the same seed draws the same numbers.
struct Draw: Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func next(below bound: Int64) -> Int64 {
        precondition(bound > 0)
        return Int64(next() % UInt64(bound))
    }
}
