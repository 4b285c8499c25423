import CLinux
import CMicrohttpd
import Glibc
import Telemetry

/// The engine on its loop: turns, deadlines and the end.
///
/// `@unchecked`: after `init` everything happens on the loop's thread, which alone calls `run` and
/// runs the commands and tasks that lead here.
@safe final class Daemon: @unchecked Sendable {
    let loop: EventLoop
    let service: Service
    var configuration: ServerConfiguration { service.configuration }
    /// Streams that are open, by the number of their peer.
    var streams: [UInt64: StreamDelivery] = [:]
    var handlersRunning = 0
    private(set) var isDraining = false

    private var engine: OpaquePointer?
    private let listener: ListeningSocket
    private var peers: [Peer] = []
    private var peersOpened: UInt64 = 0
    private var ids = RequestIDSource()
    private var mustTurn = true
    private var nextSweep = Moment.now
    private var abandonAt: Moment?
    private let instruments = Instruments()

    private static let sweepIntervalMax = Duration.seconds(1)
    private static let sweepIntervalMin = Duration.milliseconds(10)
    private static let waitMillisecondsMax: Int64 = 60_000
    /// The key of the engine in the loop; peers count from 2.
    private static let engineKey: UInt64 = 1

    init(
        loop: EventLoop, service: Service, listener: ListeningSocket
    ) throws(ServerError) {
        self.loop = loop
        self.service = service
        self.listener = listener
        peersOpened = Self.engineKey
        // The engine's memory for one connection: the head as received, as parsed, and the
        // answer's.
        let connectionBytesMax = service.configuration.headBytesMax * 2
        unsafe engine = florin_mhd_start(
            listener.descriptor, UInt32(service.configuration.connectionsMax),
            connectionBytesMax, UInt32(service.configuration.idleSeconds),
            Unmanaged.passUnretained(self).toOpaque(), onTarget, onRequest, onCompleted,
            onConnection)
        guard unsafe engine != nil else { throw .engineRefused }
        unsafe loop.watch(
            florin_mhd_epoll_descriptor(engine), for: EPOLLIN.rawValue, key: Self.engineKey)
    }

    deinit {
        if let engine = unsafe engine { unsafe MHD_stop_daemon(engine) }
    }

    // MARK: Turns

    /// Returns when drained: no connection is open.
    func run() {
        while true {
            loop.runPending()
            turn()
            if isDraining, peers.isEmpty { break }
            let now = Moment.now
            if now >= nextSweep { sweep(now) }
            for key in loop.wait(milliseconds: waitMilliseconds(now)) where key != Self.engineKey {
                streams[key]?.cut()
            }
        }
        unsafe MHD_stop_daemon(engine)
        unsafe engine = nil
    }

    /// Handlers that outlived the drain still find their executor alive.
    func runLeftHandlers() {
        while handlersRunning > 0 {
            loop.runPending()
            if handlersRunning > 0 {
                _ = loop.wait(milliseconds: Int32(Self.waitMillisecondsMax))
            }
        }
    }

    private func turn() {
        mustTurn = false
        unsafe _ = MHD_run(engine)
    }

    private func waitMilliseconds(_ now: Moment) -> Int32 {
        if mustTurn { return 0 }
        var wait = Self.waitMillisecondsMax
        if !peers.isEmpty {
            wait = min(wait, max(0, nextSweep.microseconds(since: now)) / 1000 + 1)
        }
        var engineWait: UInt64 = 0
        if unsafe MHD_get_timeout(engine, &engineWait) == .YES {
            wait = min(wait, Int64(clamping: engineWait))
        }
        return Int32(wait)
    }

    /// Lets a suspended connection go on in the next turn.
    func resume(_ connection: OpaquePointer) {
        mustTurn = true
        unsafe MHD_resume_connection(connection)
    }

    func readHead(
        _ line: HeadReader.Line, of connection: OpaquePointer, _ peer: Peer
    ) throws(Problem) -> IncomingHead {
        var reader = HeadReader(line: line, headBytesMax: configuration.headBytesMax)
        return try unsafe reader.read(
            from: connection, peer: peer.client,
            proxiesTrusted: configuration.proxiesTrusted, ids: &ids)
    }

    func nextRequestID() -> String { ids.next() }

    // MARK: Peers

    func open(_ connection: OpaquePointer) -> Peer {
        peersOpened += 1
        let peer = unsafe Peer(
            number: peersOpened, socket: florin_mhd_socket(connection),
            client: Peer.client(of: connection),
            index: peers.count, at: .now)
        peers.append(peer)
        instruments.connections.add(1)
        return peer
    }

    func close(_ peer: Peer) {
        let last = peers.removeLast()
        if last !== peer {
            peers[peer.index] = last
            last.index = peer.index
        }
        instruments.connections.add(-1)
    }

    // MARK: Deadlines

    private func sweep(_ now: Moment) {
        for peer in peers where isLate(peer, now) {
            instruments.cut(peer.phase)
            peer.cut()
        }
        for delivery in streams.values
        where now >= delivery.lastWrite.adding(configuration.heartbeatInterval) {
            delivery.stream.sendHeartbeat()
        }
        if let abandonAt, now >= abandonAt { abandon() }
        nextSweep = now.adding(sweepInterval)
    }

    /// A quarter of the shortest deadline, so that none is missed by much.
    private var sweepInterval: Duration {
        let shortest = min(
            configuration.headerDeadline, configuration.bodyDeadline, configuration.answerDeadline,
            configuration.heartbeatInterval, configuration.drainDeadline)
        return min(Self.sweepIntervalMax, max(Self.sweepIntervalMin, shortest / 4))
    }

    private func isLate(_ peer: Peer, _ now: Moment) -> Bool {
        guard let deadline = deadline(of: peer) else { return false }
        return now >= peer.since.adding(deadline)
    }

    private func deadline(of peer: Peer) -> Duration? {
        switch peer.phase {
        case .waiting where peer.requestsServed > 0:
            // The engine itself ends silence; this is for those who drip.
            .seconds(configuration.idleSeconds) + configuration.headerDeadline
        case .waiting, .head: configuration.headerDeadline
        case .body: configuration.bodyDeadline
        case .answering: configuration.answerDeadline
        case .producing: configuration.producedAnswerDeadline
        case .handling, .streaming: nil
        }
    }

    // MARK: The end

    /// No new connections; requests in flight are finished, idle connections closed.
    func drain() {
        guard !isDraining else { return }
        // What has arrived by now counts as in flight.
        turn()
        isDraining = true
        unsafe _ = MHD_quiesce_daemon(engine)
        listener.close()
        for delivery in Array(streams.values) { delivery.stream.drain() }
        for peer in peers where peer.phase == .waiting && !peer.hasUnreadBytes { peer.cut() }
        abandonAt = Moment.now.adding(configuration.drainDeadline)
        mustTurn = true
    }

    private func abandon() {
        abandonAt = nil
        Log.warning(
            "http_drain_incomplete",
            ["connections": LogValue(peers.count), "handlers": LogValue(handlersRunning)])
        for peer in peers {
            peer.exchange?.abandon()
            peer.cut()
        }
    }
}

/// What is counted about connections.
private struct Instruments {
    let connections = Metrics.shared.gauge("http_connections", help: "Open connections.")
    private let cuts = Peer.Phase.allCases.map {
        Metrics.shared.counter(
            "http_connections_cut_total", help: "Connections closed for slowness.",
            labels: [("phase", $0.rawValue)])
    }

    func cut(_ phase: Peer.Phase) {
        for (known, counter) in zip(Peer.Phase.allCases, cuts) where known == phase {
            counter.increment()
        }
    }
}
