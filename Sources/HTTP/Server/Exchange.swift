import CMicrohttpd
import Telemetry

/// One request and its answer, from the first line to the last byte.
///
/// `@unchecked`: everything here happens on the loop's thread. A handler's task runs there too, and
/// comes back there after every wait, because it prefers the loop as its executor.
@safe final class Exchange: @unchecked Sendable {
    private enum Stage { case head, body, handling, answered }

    private unowned let daemon: Daemon
    private let peer: Peer
    /// Valid until `isOver`: the engine keeps suspended connections.
    private let connection: OpaquePointer
    private let target: String
    private let targetAddress: UInt
    private let startedAt: Moment

    private var stage = Stage.head
    private var head: RequestHead?
    private var requestID = ""
    private var plan: Service.Plan?
    private var allowance: Allowance?
    private var body: [UInt8] = []
    private var bodyBytesMax = 0
    private var bytesDropped = 0
    private var task: Task<Void, Never>?
    private var response: Response?
    private var isSuspended = false
    private var isAbandoned = false
    private var isOver = false

    /// A body that is too large is read on for this long, so that its sender gets to see the
    /// answer.
    static let bytesDroppedMax = 8 * 1024 * 1024
    /// Tasks that may run inside the engine's callback before the connection is suspended.
    private static let jobsInlineMax = 64

    init(
        daemon: Daemon, peer: Peer, connection: OpaquePointer, target: String,
        targetAddress: UInt
    ) {
        self.daemon = daemon
        self.peer = peer
        unsafe self.connection = connection
        self.target = target
        self.targetAddress = targetAddress
        startedAt = .now
        peer.exchange = self
        peer.enter(.head, at: startedAt)
    }

    /// The engine calls with the head, then with each part of the body, then once more without any,
    /// and again whenever the connection is resumed.
    func proceed(
        method: UnsafePointer<CChar>, version: UnsafePointer<CChar>,
        upload: UnsafeRawBufferPointer
    ) -> MHD_Result {
        switch stage {
        case .head:
            stage = .body
            return unsafe begin(method: method, version: version)
        case .body where unsafe !upload.isEmpty: return unsafe take(upload)
        case .body:
            stage = .handling
            return handle()
        case .handling: return isAbandoned ? .NO : answer()
        case .answered: return .YES
        }
    }

    // MARK: Head

    private func begin(
        method: UnsafePointer<CChar>, version: UnsafePointer<CChar>
    ) -> MHD_Result {
        let line = unsafe HeadReader.Line(
            method: String(cString: method), methodAddress: UInt(bitPattern: method),
            target: target, targetAddress: targetAddress, version: String(cString: version),
            versionAddress: UInt(bitPattern: version))
        do {
            let incoming = try unsafe daemon.readHead(line, of: connection, peer)
            head = incoming.head
            requestID = incoming.head.id
            return begin(incoming)
        } catch {
            requestID = daemon.nextRequestID()
            return refuse(error)
        }
    }

    private func begin(_ incoming: IncomingHead) -> MHD_Result {
        let (plan, allowance) = daemon.service.plan(for: incoming.head)
        self.plan = plan
        self.allowance = allowance
        bodyBytesMax = daemon.configuration.bodyBytesMax
        if case .call(let endpoint, _) = plan, let bytesMax = endpoint.route.bodyBytesMax {
            bodyBytesMax = bytesMax
        }
        let declared = incoming.contentLength ?? 0
        let dropsTooMuch = declared > bodyBytesMax + Self.bytesDroppedMax
        if declared > bodyBytesMax, incoming.expectsContinue || dropsTooMuch {
            return refuse(.contentTooLarge(bytesMax: bodyBytesMax))
        }
        peer.enter(.body, at: .now)
        return .YES
    }

    /// Answers before the body, if any, is read; the engine then closes the connection.
    private func refuse(_ problem: Problem) -> MHD_Result {
        response = wording(of: problem)
        return answer(closing: true)
    }

    private func wording(of problem: Problem) -> Response {
        plan?.response(to: problem, requestID: requestID)
            ?? problem.response(requestID: requestID)
    }

    // MARK: Body

    private func take(_ upload: UnsafeRawBufferPointer) -> MHD_Result {
        if bytesDropped == 0, body.count + upload.count <= bodyBytesMax {
            unsafe body.append(contentsOf: upload)
            return .YES
        }
        bytesDropped += body.count + upload.count
        body = []
        return bytesDropped <= bodyBytesMax + Self.bytesDroppedMax ? .YES : .NO
    }

    private func handle() -> MHD_Result {
        peer.enter(.handling, at: .now)
        guard bytesDropped == 0 else {
            response = wording(of: .contentTooLarge(bytesMax: bodyBytesMax))
            return answer()
        }
        switch plan {
        case .answer(let response, _):
            self.response = response
            return answer()
        case .call(let endpoint, let parameters): return call(endpoint, parameters)
        case nil: return .NO
        }
    }

    // MARK: Handler

    private func call(_ endpoint: Endpoint, _ parameters: [Request.PathParameter]) -> MHD_Result {
        guard let head else { return .NO }
        var request = Request(head: head, body: body)
        request.pathParameters = parameters
        request.allowance = allowance
        body = []
        start(endpoint, request)
        if daemon.loop.run(jobsMax: Self.jobsInlineMax, until: { response != nil }) {
            return answer()
        }
        isSuspended = true
        unsafe MHD_suspend_connection(connection)
        return .YES
    }

    private func start(_ endpoint: Endpoint, _ request: Request) {
        let router = daemon.service.router
        daemon.handlersRunning += 1
        task = Task(executorPreference: daemon.loop) {
            let response = await RequestContext.$requestID.withValue(request.id) {
                await router.respond(endpoint, request)
            }
            self.finish(response)
        }
    }

    private func finish(_ response: Response) {
        precondition(daemon.loop.isCurrent, "a handler came back on a foreign thread")
        daemon.handlersRunning -= 1
        task = nil
        guard !isOver, !isAbandoned else {
            response.body.stream?.close()
            return
        }
        self.response = response
        guard isSuspended else { return }
        isSuspended = false
        unsafe daemon.resume(connection)
    }

    /// The server cannot wait for the handler any longer.
    func abandon() {
        isAbandoned = true
        task?.cancel()
        guard isSuspended else { return }
        isSuspended = false
        unsafe daemon.resume(connection)
    }

    // MARK: Answer

    private func answer(closing: Bool = false) -> MHD_Result {
        guard let response else { return .YES }
        stage = .answered
        let delivery = Delivery(
            service: daemon.service, head: head, allowance: allowance, requestID: requestID,
            closesConnection: closing || daemon.isDraining)
        let stream = streamDelivery(for: response)
        guard let result = unsafe delivery.make(response, stream: stream) else { return .NO }
        defer { unsafe MHD_destroy_response(result) }
        peer.enter(stream?.stream.phase ?? .answering, at: .now)
        return unsafe MHD_queue_response(connection, UInt32(response.status), result)
    }

    /// HEAD asks what GET would say first; there is nobody to send the rest to.
    private func streamDelivery(for response: Response) -> StreamDelivery? {
        guard let stream = response.body.stream else { return nil }
        guard head?.method != .head, !(daemon.isDraining && stream.phase == .streaming) else {
            stream.close()
            return nil
        }
        return unsafe StreamDelivery(stream, to: peer, on: connection, of: daemon)
    }

    /// The engine has sent the answer, or the connection is gone.
    func complete(isWhole: Bool) {
        isOver = true
        if !isWhole, response == nil { task?.cancel() }
        peer.exchange = nil
        peer.enter(.waiting, at: .now)
        // An answer queued before the drain did not say that it would be the last.
        if daemon.isDraining { peer.cut() }
        guard let response else { return }
        let duration = Moment.now.microseconds(since: startedAt)
        measures.observe(status: response.status, microseconds: duration)
        if Self.refusalsLogged.contains(response.status) { logRefusal(response) }
        Log.debug(
            "http_answered",
            [
                "request": .text(requestID), "method": .text(head?.method?.rawValue ?? "other"),
                "route": .text(route), "status": LogValue(response.status),
                "microseconds": LogValue(duration), "whole": .boolean(isWhole),
            ])
    }

    /// Who is not known or not allowed, what is out of shape, and what is too much or too often:
    /// somebody may be trying. What is merely not there or not possible is everyday life.
    private static let refusalsLogged: Set = [400, 401, 403, 413, 415, 422, 429, 431]

    private func logRefusal(_ response: Response) {
        Log.info(
            "http_refused",
            [
                "request": .text(requestID),
                "address": .text(head?.remoteAddress ?? peer.client.text),
                "method": .text(head?.method?.rawValue ?? "other"), "route": .text(route),
                "status": LogValue(response.status), "code": .text(response.refusal ?? ""),
            ])
    }

    /// Not the address itself: ids, e-mail addresses and secrets may stand in it.
    private var route: String {
        guard case .call(let endpoint, _) = plan else { return "" }
        return endpoint.route.path
    }

    private var measures: Measures {
        switch plan {
        case .answer(_, let measures): measures
        case .call(let endpoint, _): endpoint.measures
        case nil: daemon.service.otherMeasures
        }
    }
}
