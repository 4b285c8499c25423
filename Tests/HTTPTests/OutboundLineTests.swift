import HTTP
import TestSupport
import Testing
import Values

@Suite("The line to one vendor")
struct OutboundLineTests {
    @Test func aVendorThatFailsIsLeftAloneAndTriedByOne() {
        var rules = CircuitBreaker.Rules()
        (rules.failuresMax, rules.restSeconds) = (3, 10)
        let breaker = Watched(CircuitBreaker(rules))
        let start = Timestamp(microseconds: 0)
        for _ in 0..<2 { breaker.failed(at: start) }
        breaker.succeeded()
        for _ in 0..<3 {
            #expect(breaker.admits(start))
            breaker.failed(at: start)
        }
        #expect(!breaker.admits(start.adding(seconds: 9)))
        #expect(breaker.admits(start.adding(seconds: 10)))
        // The one that tries is on its way; the others wait.
        #expect(!breaker.admits(start.adding(seconds: 11)))
        breaker.failed(at: start.adding(seconds: 12))
        #expect(!breaker.admits(start.adding(seconds: 21)))
        #expect(breaker.admits(start.adding(seconds: 22)))
        breaker.succeeded()
        #expect(breaker.state == .closed(failures: 0))
    }

    /// A request that tries and is cancelled must not keep the circuit open for ever.
    @Test func aProbeThatNeverCameBackIsForgotten() {
        let breaker = Watched(CircuitBreaker())
        let start = Timestamp(microseconds: 0)
        for _ in 0..<breaker.rules.failuresMax { breaker.failed(at: start) }
        let later = start.adding(seconds: breaker.rules.restSeconds)
        #expect(breaker.admits(later))
        #expect(!breaker.admits(later.adding(seconds: 1)))
        #expect(breaker.admits(later.adding(seconds: breaker.rules.restSeconds)))
    }

    @Test func noMoreThanItsShareIsUnderWayAtOnce() async throws {
        let barrier = Barrier()
        let server = ScriptedServer { exchange in
            barrier.wait()
            exchange.ok()
        }
        defer { server.stop() }
        var rules = OutboundLine.Rules()
        rules.atOnceMax = 4
        let line = OutboundLine(client: HTTPClient(), rules: rules, clock: Clock())
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask { try await line.send(OutboundRequest(.get, server.url)).status }
            }
            while server.requests.count < 4 { try await Task.yieldUnlessCancelled() }
            barrier.open()
            for try await status in group { #expect(status == 200) }
        }
        #expect(server.openMost == 4 && server.requests.count == 20)
    }

    @Test func theQueueIsBoundedAndWhoLeavesItIsForgotten() async throws {
        let server = ScriptedServer { _ in }
        defer { server.stop() }
        var rules = OutboundLine.Rules()
        (rules.atOnceMax, rules.waitingMax) = (1, 0)
        let line = OutboundLine(client: HTTPClient(), rules: rules, clock: Clock())
        let first = Task { try await line.send(OutboundRequest(.get, server.url)) }
        while server.requests.isEmpty { try await Task.yieldUnlessCancelled() }
        await #expect(throws: OutboundError.queueFull) {
            try await line.send(OutboundRequest(.get, server.url))
        }
        first.cancel()
        _ = await first.result
    }

    @Test func anAnswerThatSaysNoIsNoFailure() async throws {
        let server = ScriptedServer { exchange in
            exchange.say("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno")
        }
        defer { server.stop() }
        for (isDown, isUp) in [(true, false), (false, true)] {
            var rules = OutboundLine.Rules()
            rules.isDown = { _ in isDown }
            let line = OutboundLine(client: HTTPClient(), rules: rules, clock: Clock())
            for _ in 0..<rules.breaker.failuresMax {
                _ = try await line.send(OutboundRequest(.get, server.url))
            }
            #expect(line.isUp == isUp)
        }
    }
}

/// `#expect` changes nothing that it looks at, and asking a breaker does.
private final class Watched {
    private var breaker: CircuitBreaker

    init(_ breaker: CircuitBreaker) { self.breaker = breaker }

    var rules: CircuitBreaker.Rules { breaker.rules }
    var state: CircuitBreaker.State { breaker.state }
    func admits(_ now: Timestamp) -> Bool { breaker.admits(at: now) }
    func succeeded() { breaker.succeeded() }
    func failed(at now: Timestamp) { breaker.failed(at: now) }
}
