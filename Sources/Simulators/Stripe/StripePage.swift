internal import HTTP
internal import Synchronization
internal import Values

// The Checkout page, where a person pays or does not.

extension StripeSimulator {
    static let pagePath = "/pay/"

    func page(_ request: SimulatedRequest, in world: SimulatedWorld) -> SimulatedReply {
        let id = String(request.path.dropFirst(Self.pagePath.count))
        guard state.withLock({ $0.sessions[id] }) != nil else {
            return SimulatedReply(404, page: PageText.page("Checkout", "<p>There is no such page."))
        }
        var said = ""
        if request.method == .post {
            let answer: PromptAnswer =
                switch request.form["answer"] {
                case "pay": .approve
                case "pay_late": .approveLate
                default: .refuse
                }
            _ = self.answer(id, answer, in: world)
            if answer == .refuse { said = "<p role=alert>Your card was declined." }
        }
        guard let session = state.withLock({ $0.sessions[id] }) else {
            return SimulatedReply(404, page: PageText.page("Checkout", "<p>There is no such page."))
        }
        return SimulatedReply(200, page: PageText.page("Checkout", Self.body(session, said)))
    }

    private static func body(_ session: StripeBooks.Session, _ said: String) -> String {
        let back = PageText.escaped(
            session.status == "complete" ? session.successURL : session.cancelURL)
        let way = "<p><a href=\"\(back)\">Back to where you came from</a>"
        switch session.status {
        case "open":
            return """
                \(said)<h1>\(PageText.escaped(session.readableAmount))</h1><form method=post>\
                <button name=answer value=pay>Pay</button>\
                <button name=answer value=pay_late>Pay by bank, which takes a while</button>\
                <button name=answer value=decline>Pay with a card that is declined</button>\
                </form>\(way)
                """
        case "complete": return "<h1>Thank you</h1>" + way
        default: return "<h1>This page has ended</h1>" + way
        }
    }
}

extension StripeBooks.Session {
    var readableAmount: String {
        guard let currency = Currency(currency.uppercased()) else { return "\(amount)" }
        return "\(Money(amount, currency))"
    }
}
