package import Jobs

extension Payments {
    /// Tells staff that money-out was stopped or resumed; the payload is the decision's number.
    package static let tellStaff = JobKind(rawValue: "payments.tell_staff")

    /// The jobs of this slice.
    package var handlers: [JobHandler] {
        [JobHandler(Self.tellStaff) { try await tellStaff(of: $0) }]
    }
}
