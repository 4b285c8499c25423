package import HTTP
package import Values

/// A request as a simulated vendor sees it, whether it came over a socket or from the same process.
package struct SimulatedRequest: Sendable {
    package let method: Method
    /// Without the query.
    package let path: String
    package let query: [String: String]
    package let body: [UInt8]
    private let fields: @Sendable (String) -> String?

    package init(
        _ method: Method, path: String, query: [String: String] = [:], body: [UInt8],
        header: @escaping @Sendable (String) -> String?
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
        fields = header
    }

    package func header(_ name: String) -> String? { fields(name) }

    /// The body as a form. Of a name that comes twice the last counts.
    var form: [String: String] {
        var form: [String: String] = [:]
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false
            ).map { FormText.value(String(decoding: $0, as: UTF8.self)) }
            guard parts.count == 2, let name = parts[0], let value = parts[1] else { continue }
            form[name] = value
        }
        return form
    }

    /// The body as JSON; null when it is none.
    var json: JSON {
        do { return try JSON(parsing: body) } catch { return .null }
    }
}

/// What a simulated vendor answers, and how well it does so.
package struct SimulatedReply: Sendable {
    package enum Manner: Sendable, Equatable {
        case whole
        /// The connection breaks in the middle of the body.
        case half
        /// Nothing is ever said.
        case silence
    }

    package var status: Int
    package var body: [UInt8]
    package var type = "application/json"
    package var manner = Manner.whole
    /// How long the caller waits for it.
    package var seconds: Int64 = 0

    package init(_ status: Int, _ json: JSON) {
        self.status = status
        body = json.encoded()
    }

    /// A page for a person's browser.
    init(_ status: Int, page: String) {
        self.status = status
        body = Array(page.utf8)
        type = "text/html; charset=utf-8"
    }

    /// What `act` answers, as badly as the faults want it.
    static func suffering(
        _ faults: [FaultPlan.Rule], broken: SimulatedReply, _ act: () -> SimulatedReply
    ) -> SimulatedReply {
        let kinds = Set(faults.map(\.fault))
        var silent = broken
        silent.manner = .silence
        if kinds.contains(.silenceBeforeActing) { return silent }
        if kinds.contains(.errorBeforeActing) { return broken }
        var reply = act()
        if kinds.contains(.silenceAfterActing) { reply.manner = .silence }
        if kinds.contains(.errorAfterActing) { reply = broken }
        if kinds.contains(.halfAnswer) { reply.manner = .half }
        if let delay = faults.first(where: { $0.fault == .delay }) { reply.seconds = delay.seconds }
        return reply
    }
}

/// One vendor of the outside world: its wire format and its books.
package protocol SimulatedVendor: Sendable {
    /// The first part of its paths at the simulators' address: `daraja`.
    var name: String { get }

    /// Its addresses, with names in braces where something varies.
    var paths: [(method: Method, path: String)] { get }

    /// Nil when the vendor has nothing at this path.
    func handle(_ request: SimulatedRequest, in world: SimulatedWorld) -> SimulatedReply?

    /// Does what has become due at the vendor's own side.
    func tick(in world: SimulatedWorld)

    /// When something becomes due next.
    var nextDue: Timestamp? { get }

    /// Every movement of money in the vendor's books.
    var books: [BookEntry] { get }

    /// People with telephones who are being asked something.
    var prompts: [SimulatedPrompt] { get }

    /// What somebody does with their telephone. False when nothing waits under that id.
    func answer(_ prompt: String, _ answer: PromptAnswer, in world: SimulatedWorld) -> Bool
}

/// A line in a vendor's books, from the point of view of whoever has the account there.
package struct BookEntry: Sendable, Equatable {
    package enum Direction: String, Sendable { case received, paid }

    package let receipt: String
    package let direction: Direction
    /// Minor units.
    package let amount: Int64
    package let currency: String
    /// What the account's owner called it.
    package let order: String
    /// Who is on the other side: a telephone number, an e-mail address.
    package let party: String
    package let at: Timestamp
    /// Whether it was taken back.
    package var isReversed = false
}

/// A telephone that shows a question.
package struct SimulatedPrompt: Sendable, Equatable {
    package let id: String
    package let phone: String
    package let amount: Int64
    package let currency: String
    package let text: String
    package let at: Timestamp
}

package enum PromptAnswer: String, Sendable, CaseIterable {
    case approve
    case refuse
    case wrongPin = "wrong_pin"
    /// The PIN is right and the account is empty.
    case noMoney = "no_money"
    /// Nobody looks: it ends by itself.
    case ignore
    /// It ends by itself, the caller is told so, and then somebody has approved it after all.
    case approveLate = "approve_late"
}
