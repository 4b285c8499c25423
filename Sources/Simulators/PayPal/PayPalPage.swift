internal import HTTP
internal import Synchronization
internal import Values

// The page where a payer approves an order, or does not.

extension PayPalSimulator {
    static let pagePath = "/approve/"

    func page(_ request: SimulatedRequest, in world: SimulatedWorld) -> SimulatedReply {
        let id = String(request.path.dropFirst(Self.pagePath.count))
        if request.method == .post {
            let answer: PromptAnswer =
                switch request.form["answer"] {
                case "pay": .approve
                case "pay_late": .approveLate
                case "no_money": .noMoney
                default: .refuse
                }
            _ = self.answer(id, answer, in: world)
        }
        guard let order = state.withLock({ $0.orders[id] }) else {
            return SimulatedReply(404, page: PageText.page("PayPal", "<p>There is no such page."))
        }
        let way =
            "<p><a href=\"\(PageText.escaped(order.returnURL))\">Back to where you came from</a>"
        let amount = PageText.escaped("\(order.currency) \(order.value)")
        guard order.status == "PAYER_ACTION_REQUIRED" else {
            let words = order.status == "ENDED" ? "This page has ended" : "Thank you"
            return SimulatedReply(200, page: PageText.page("PayPal", "<h1>\(words)</h1>" + way))
        }
        return SimulatedReply(
            200,
            page: PageText.page(
                "PayPal",
                """
                <h1>\(amount)</h1><form method=post>\
                <button name=answer value=pay>Pay</button>\
                <button name=answer value=pay_late>Pay from my bank, which takes a while</button>\
                <button name=answer value=no_money>Pay with an empty account</button></form>\(way)
                """))
    }
}
