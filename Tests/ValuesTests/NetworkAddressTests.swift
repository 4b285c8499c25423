import Testing
import Values

struct NetworkAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("fe80::1%eth0", "fe80::1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func isReadAndWrittenInOneForm(text: String, canonical: String) {
        #expect(NetworkAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..2.3", ".1.2.3.4",
        "1.2.3.4.", "+1.2.3.4", "0x1.2.3.4", ":", ":::", "1:2", "1::2::3", "1:2:3:4:5:6:7:8:9",
        "12345::", "g::", "::1.2.3", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7::8",
        "::+1", "192.0.2.1%eth0", "٣.2.3.4", "1.2.3.4::",
    ])
    func refusesEverythingElse(text: String) {
        #expect(NetworkAddress(text) == nil)
    }

    @Test func aSubscriberIsAnIPv4AddressOrANetworkOf64Bits() {
        func subscriber(_ text: String) -> String? { NetworkAddress(text)?.subscriber.description }
        #expect(subscriber("192.0.2.1") == "192.0.2.1")
        #expect(subscriber("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::")
        #expect(subscriber("2001:db8:1:2::1") == subscriber("2001:db8:1:2:ffff::"))
        #expect(subscriber("2001:db8:1:2::1") != subscriber("2001:db8:1:3::1"))
    }

    @Test func rangesHoldWhatTheySay() throws {
        let ranges = try #require(NetworkRanges(["10.0.0.0/8", "192.0.2.7", "2001:db8::/33"]))
        func holds(_ text: String) -> Bool? {
            NetworkAddress(text).map { ranges.contains($0) }
        }
        for inside in [
            "10.0.0.0", "10.255.1.2", "192.0.2.7", "2001:db8:7fff::1", "::ffff:10.1.1.1",
        ] {
            #expect(holds(inside) == true, "\(inside)")
        }
        for outside in ["11.0.0.0", "192.0.2.8", "2001:db8:8000::", "::a00:1", "::1"] {
            #expect(holds(outside) == false, "\(outside)")
        }
    }

    @Test func allOfOneFamilyIsNoneOfTheOther() throws {
        let four = try #require(NetworkAddress("192.0.2.1"))
        let six = try #require(NetworkAddress("2001:db8::1"))
        #expect(NetworkRanges(["0.0.0.0/0"])?.contains(four) == true)
        #expect(NetworkRanges(["0.0.0.0/0"])?.contains(six) == false)
        #expect(NetworkRanges(["::/0"])?.contains(four) == false)
        #expect(NetworkRanges(["::/0"])?.contains(six) == true)
        #expect(NetworkRanges.none.contains(four) == false)
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "ten/8", "10.0.0.0/",
    ])
    func refusesWhatIsNoNetwork(text: String) {
        #expect(NetworkRanges([text]) == nil)
    }
}
