import HTTP
import Testing
import Values

enum Network {
    static let loopback = NetworkRanges(["127.0.0.1"]) ?? .none
}

/// Whose request it is: nobody who is not trusted decides that.
struct ClientTests {
    private func address(
        trusting proxies: [String], forwardedFor fields: String...
    ) async throws -> String {
        let trusted = try #require(NetworkRanges(proxies))
        var seen = ""
        try await withServer(configure: { $0.proxiesTrusted = trusted }) { server in
            let lines = fields.map { "\nX-Forwarded-For: \($0)" }.joined()
            let answer = try await server.ask("GET /coins/\(Sample.id)" + lines)
            let rest = answer.text.split(separator: "\"address\":\"").last ?? ""
            seen = String(rest.prefix { $0 != "\"" })
        }
        return seen
    }

    @Test func aStrangerSaysWhatHeLikesAndIsNotBelieved() async throws {
        for claim in ["203.0.113.9", "127.0.0.1", "203.0.113.9, 127.0.0.1", "::1"] {
            #expect(try await address(trusting: [], forwardedFor: claim) == "127.0.0.1")
            #expect(try await address(trusting: ["10.0.0.1"], forwardedFor: claim) == "127.0.0.1")
        }
    }

    @Test func whatAClientWroteStandsBeyondWhatItsProxyAdds() async throws {
        let proxy = ["127.0.0.1"]
        #expect(try await address(trusting: proxy, forwardedFor: "198.51.100.7") == "198.51.100.7")
        // The client sent the first of the two itself; the proxy appended where it came from.
        for lie in ["203.0.113.9", "127.0.0.1", "10.0.0.1", "junk", "", "1.2.3.4:1, ::1"] {
            #expect(
                try await address(trusting: proxy, forwardedFor: lie + ", 198.51.100.7")
                    == "198.51.100.7")
            // A proxy may also add a field of its own after the client's.
            #expect(
                try await address(trusting: proxy, forwardedFor: lie, "198.51.100.7")
                    == "198.51.100.7")
        }
    }

    @Test func aChainOfTrustedProxiesIsWalkedToTheFirstStranger() async throws {
        let proxies = ["127.0.0.1", "10.0.0.0/8"]
        let chain = "203.0.113.9, 198.51.100.7, 10.1.2.3, 10.9.9.9"
        #expect(try await address(trusting: proxies, forwardedFor: chain) == "198.51.100.7")
        #expect(
            try await address(trusting: proxies, forwardedFor: "10.1.1.1, 10.2.2.2") == "10.1.1.1")
    }

    @Test func whatIsNoAddressEndsTheWalk() async throws {
        let proxies = ["127.0.0.1", "10.0.0.0/8"]
        for junk in ["unknown", "_hidden", "1.2.3", "01.2.3.4", "1.2.3.4.5", "", "g::1"] {
            #expect(
                try await address(trusting: proxies, forwardedFor: "203.0.113.9, \(junk), 10.0.0.1")
                    == "10.0.0.1")
        }
    }

    @Test func formsOfOneAddressAreOneAddress() async throws {
        for form in ["::ffff:198.51.100.7", "::FFFF:c633:6407", "198.51.100.7:4711"] {
            #expect(
                try await address(trusting: ["127.0.0.1"], forwardedFor: form) == "198.51.100.7")
        }
        #expect(
            try await address(trusting: ["127.0.0.1"], forwardedFor: "[2001:DB8:0:0::1]:443")
                == "2001:db8::1")
    }
}
