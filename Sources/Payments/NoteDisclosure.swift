package import Identity
package import Ledger
internal import Postgres
package import Values

// What people write to each other is theirs: staff see that there is a note, and read it for a
// reason.

extension Payment {
    /// Whether there is a note is no secret; how long it is would say something already.
    static let noteMasked = "•••"

    /// As staff see it who were not told.
    var masked: Payment {
        Payment(
            transfer: transfer, currency: currency, fee: fee, from: from, to: to,
            note: note.map { _ in Self.noteMasked }, status: status)
    }
}

extension Payments {
    /// The note of somebody else's payment. That it was read, by whom and why, is an act that its
    /// writer sees, and counts like everything else that staff have shown to them.
    package func discloseNote(
        of id: ID<Transfer>, because reason: String, to staff: StaffSession, _ presence: Presence
    ) async throws -> String? {
        let (transfer, parties) = try await transfer(id, seenBy: .person(staff.session))
        guard let writer = parties[transfer.debit] ?? parties[transfer.credit] else {
            throw PaymentRejection.transferNotFound
        }
        let note = try await notes(of: [transfer.id])[transfer.id]
        try await identity.recordDisclosure(
            .noteDisclosed, of: writer.id, about: #"{"transfer":"\#(id)"}"#, because: reason,
            to: staff, presence)
        return note
    }
}

extension Act.Kind {
    static let noteDisclosed = Act.Kind("note_disclosed")
}
