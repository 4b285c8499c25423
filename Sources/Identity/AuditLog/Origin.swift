package import HTTP

/// Where a request came from, as far as its connection and its head tell.
package struct Origin: Sendable, Equatable {
    /// `192.0.2.1` or `2001:db8::1`; nil for what the operator's own commands do.
    package let address: String?
    /// What the client calls itself, cut to `agentCharactersMax`.
    package let agent: String?

    package static let agentCharactersMax = 200

    /// The program itself: commands, schedules, seeding.
    package static let program = Origin(address: nil, agent: nil)

    package init(address: String?, agent: String?) {
        self.address = address
        self.agent = agent.map { String($0.prefix(Self.agentCharactersMax)) }
    }
}

extension Request {
    /// The client's address and what it calls itself.
    package var origin: Origin { Origin(address: remoteAddress, agent: header("user-agent")) }
}
