/// A "no" that belongs to the product: expected, named, and answered with facts a program can read.
///
/// Each slice has one closed enum of these; the edge turns any of them into a problem (RFC 9457).
package protocol Refusal: Error {
    /// The stable name, in snake_case, that clients switch on.
    var code: String { get }
    /// The HTTP status that says the same to machines in between.
    var status: Int { get }
    /// What happened and what to do next, in one sentence for a person.
    var detail: String { get }
    /// The facts: numbers and names that belong to this refusal.
    var facts: [Fact] { get }
}

extension Refusal {
    package var facts: [Fact] { [] }
}

/// One named fact of a refusal or an event.
package struct Fact: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        case integer(Int64)
        case text(String)
        case texts([String])
        case boolean(Bool)
    }

    package let name: String
    package let value: Value

    package init(_ name: String, _ value: Int64) {
        self.name = name
        self.value = .integer(value)
    }

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = .text(value)
    }

    package init(_ name: String, _ value: [String]) {
        self.name = name
        self.value = .texts(value)
    }

    package init(_ name: String, _ value: Bool) {
        self.name = name
        self.value = .boolean(value)
    }
}
