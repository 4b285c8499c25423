import HTTP
import Simulators
import Testing
import Values

/// The simulators themselves: what nothing in the product asks of them yet, and the plans.
@Suite("Simulated vendors")
struct SimulatorTests {
    private let world = SimulatedWorld(clock: Clock())
    private let daraja = DarajaSimulator { _ in .approve }

    private func ask(_ path: String, _ body: JSON, token: String) throws -> JSON {
        let request = SimulatedRequest(.post, path: path, body: body.encoded()) { name in
            name == "Authorization" ? "Bearer " + token : nil
        }
        let reply = try #require(daraja.handle(request, in: world))
        return try JSON(parsing: reply.body)
    }

    private func token() throws -> String {
        let request = SimulatedRequest(
            .get, path: "/oauth/v1/generate", query: ["grant_type": "client_credentials"],
            body: []
        ) { $0 == "Authorization" ? "Basic c2ltdWxhdGVk" : nil }
        let reply = try #require(daraja.handle(request, in: world))
        let json = try JSON(parsing: reply.body)
        // Seconds are a string.
        #expect(json["expires_in"]?.string == "3599")
        return try #require(json["access_token"]?.string)
    }

    private func posted() throws -> [JSON] {
        world.clock.advance(seconds: 10)
        daraja.tick(in: world)
        world.clock.advance(seconds: 10)
        return try world.takeDue().map { try JSON(parsing: $0.body) }
    }

    @Test func whoHasNoTokenIsNotLetIn() throws {
        let answer = try ask("/mpesa/accountbalance/v1/query", [:], token: "made up")
        #expect(answer["errorCode"]?.string == "404.001.03")
    }

    @Test func aPayoutIsTakenBackAndTheBalanceSaysSo() throws {
        let token = try token()
        let payout: JSON = [
            "OriginatorConversationID": "order-1", "InitiatorName": "a",
            "SecurityCredential": "b", "CommandID": "BusinessPayment", "Amount": 500,
            "PartyA": "600000", "PartyB": "254712345678", "Remarks": "c",
            "QueueTimeOutURL": "http://there/1", "ResultURL": "http://there/2", "Occasion": "",
        ]
        let taken = try ask("/mpesa/b2c/v3/paymentrequest", payout, token: token)
        #expect(taken["ResponseCode"]?.string == "0")
        // The same order again is refused, and nothing is done twice.
        let again = try ask("/mpesa/b2c/v3/paymentrequest", payout, token: token)
        #expect(again["errorCode"]?.string == "500.002.1001")
        #expect(try posted().count == 1)
        let entry = try #require(daraja.books.first)
        #expect(daraja.books.count == 1 && entry.order == "order-1" && entry.amount == 50_000)
        _ = try ask(
            "/mpesa/reversal/v1/request",
            [
                "CommandID": "TransactionReversal", "TransactionID": .string(entry.receipt),
                "ResultURL": "http://there/3",
            ], token: token)
        #expect(try posted()[0]["Result"]?["ResultCode"]?.integer == 0)
        #expect(daraja.books.first?.isReversed == true)
        _ = try ask(
            "/mpesa/accountbalance/v1/query",
            ["CommandID": "AccountBalance", "ResultURL": "http://there/4"], token: token)
        let text = try posted()[0]["Result"]?["ResultParameters"]?["ResultParameter"]?[0]?["Value"]
        #expect(text?.string?.contains("Utility Account|KES|1000000000.00") == true)
    }

    @Test func theSamePlanMisbehavesAlike() throws {
        let json: JSON = [
            "seed": 7,
            "rules": [
                ["fault": "delay", "operation": "b2c", "rate": 300, "seconds": 5],
                ["fault": "drop_callback", "call": 2],
            ],
        ]
        var (one, other) = (try FaultPlan(json), try FaultPlan(json))
        for number in 1...50 {
            let (faults, others) = (one.next("b2c"), other.next("b2c"))
            #expect(faults == others)
            #expect(faults.contains { $0.fault == .dropCallback } == (number == 2))
        }
        for wrong in [
            ["rules": [["fault": "laziness"]]], ["rules": [["fault": "delay", "rate": 1001]]],
            ["rules": 5], ["seeds": 1], ["seed": .integer(-1)], [["fault": "delay"]],
        ] as [JSON] {
            #expect(throws: FaultPlan.Unreadable.self, "\(wrong.text)") { try FaultPlan(wrong) }
        }
    }
}
