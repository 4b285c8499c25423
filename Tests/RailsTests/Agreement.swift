import Identity
import Ledger
import Rails
import Simulators
import Testing
import Values

extension RailsWorld {
    /// The one telephone that shows a question approves it.
    func approve(_ payment: RailPayment) throws {
        let prompt = try #require(vendor.prompts.first)
        #expect(vendor.answer(prompt.id, .approve, in: simulated))
    }

    /// The provider's books and ours, to the cent.
    func expectAgreement(at location: SourceLocation = #_sourceLocation) async throws {
        let theirs = vendor.books.filter { !$0.isReversed }.reduce(Int64(0)) { sum, entry in
            sum + (entry.direction == .received ? entry.amount : -entry.amount)
        }
        let ours = try await float()
        #expect(ours == theirs, "\(conversation)", sourceLocation: location)
    }

    /// As a member of staff does, who looks at the provider's statement: it names telephones and
    /// amounts. Each person of a test moves an amount once.
    func decideWhatIsInReview() async throws {
        let staff = try await staff()
        for payment in try await rails.inReview(after: nil, limit: 100).elements {
            let phone = try #require(try await identity.user(payment.user)?.phone)
            let entry = vendor.books.first { entry in
                let isTheirs =
                    entry.order == "\(payment.id)" || entry.party == phone.e164.dropFirst()
                return !entry.isReversed && isTheirs
                    && entry.amount == payment.amount.minorUnits
                    && (entry.direction == .received) == (payment.kind == .topUp)
            }
            _ = try await rails.decide(
                payment.id, entry == nil ? .failed : .settled, receipt: entry?.receipt,
                because: "as the statement says", by: staff, from: .program)
        }
    }

    /// What was said, for whoever reads why a test failed.
    var conversation: String {
        simulated.lines.map { line in
            let faults = line.faults.map(\.rawValue).joined(separator: " ")
            return "\(line.at) \(line.operation) \(line.what) [\(faults)] \(line.text)"
        }.joined(separator: "\n")
    }
}
