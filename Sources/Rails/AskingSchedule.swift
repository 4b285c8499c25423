package import Values

/// When a provider is asked about a payment whose outcome nobody knows: minutes, then hours, then
/// days, and then a person.
package enum AskingSchedule {
    /// Seconds before each question, the first after the provider's usual time has passed.
    package static let pauses: [Int64] = [
        30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 86_400, 86_400,
        86_400, 86_400, 86_400,
    ]

    /// From the first question to the last; a hold lasts longer.
    package static let secondsMax: Int64 = pauses.reduce(0, +)

    /// When to ask next after so many questions, or nil when a person is to decide.
    package static func next(after asks: Int, at now: Timestamp) -> Timestamp? {
        pauses.indices.contains(asks) ? now.adding(seconds: pauses[asks]) : nil
    }
}
