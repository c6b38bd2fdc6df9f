// Generated from fbpd.yaml by openapi-typescript. Change that, then: npm run generate

export interface paths {
    "/v1/pins/{requestid}/deals": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        /**
         * The cold copies of a pin
         * @description Takes a token with the scope `pins:read`. Deals are about pieces, which small contents share, so one deal may keep many pins. Somebody else's pin is a 404.
         */
        get: operations["getPinDeals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the daemon is */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All accounts, by name */
        get: operations["listAccounts"];
        put?: never;
        /** Add an account */
        post: operations["addAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        /** One account and what it holds */
        get: operations["getAccount"];
        put?: never;
        post?: never;
        /**
         * End an account with its pins and tokens
         * @description From the first moment it refuses everything. The reply comes when all of it is gone, which takes a while for many pins; should the daemon end before that, it goes on when it is started again.
         */
        delete: operations["deleteAccount"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refuse everything an account asks
         * @description Its pins stay as they are, and its tokens work again when it is no longer suspended.
         */
        post: operations["suspendAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}/unsuspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let an account ask again */
        post: operations["unsuspendAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tokens, oldest first */
        get: operations["listTokens"];
        put?: never;
        /** Make a token */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                token: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a token back, at once */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Pins, newest first
         * @description Of one account, or of all. Filters combine with AND; without a status, all statuses are listed.
         */
        get: operations["listPins"];
        put?: never;
        /** Pin for an account */
        post: operations["addPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** One pin, and what is known of its content */
        get: operations["getPin"];
        put?: never;
        post?: never;
        /** Remove a pin */
        delete: operations["removePin"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Fetch the content of a failed or waiting pin anew */
        post: operations["retryPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/log": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** What happened to a pin's content, oldest first */
        get: operations["getPinLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** All that is known of a pin's copies, hot and cold, and what happens next */
        get: operations["explainPin"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/deals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Deals
         * @description Filters combine with AND. A page may have fewer than `limit` deals, even none, when many were passed over; it is the last one when it has no `next`.
         */
        get: operations["listDeals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/deals/{deal}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                deal: string;
            };
            cookie?: never;
        };
        /** One deal with its history and evidence */
        get: operations["getDeal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What would be done next, and what it would cost
         * @description Nothing is done by asking.
         */
        get: operations["getPlan"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The storage providers that deals are made with, or were */
        get: operations["listProviders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/ask": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask chain and provider now */
        post: operations["askProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make no new deals with a provider
         * @description Those there are go on, and are replaced elsewhere when they end.
         */
        post: operations["suspendProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/unsuspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make deals with it again */
        post: operations["unsuspendProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/freeze": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Spend nothing until told otherwise
         * @description No deal is begun; those there are go on being verified, and bytes go on being served.
         */
        put: operations["freeze"];
        post?: never;
        /**
         * Spend again
         * @description Whoever stopped it; 404 when nothing is stopped.
         */
        delete: operations["unfreeze"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Blocked contents */
        get: operations["listBlocks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/blocks/{cid}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        get?: never;
        /**
         * Take a content down
         * @description Pins of it fail, its hot copy goes, and new pins of it are refused.
         */
        put: operations["blockContent"];
        post?: never;
        /**
         * Allow pins of a content again
         * @description Pins that failed stay failed until they are retried.
         */
        delete: operations["unblockContent"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read and verify every record of the store
         * @description While the daemon goes on working. Progress comes as it is made, one JSON object a line; the last one says `done`.
         */
        post: operations["checkStore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/reconcile/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which; an unknown name is answered with all there are */
                name: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run one of the daemon's loops now */
        post: operations["reconcile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Failure: {
            error: {
                /** @description UPPER_SNAKE, stable */
                reason: string;
                details?: string;
            };
        };
        /** @enum {string} */
        PinStatus: "queued" | "pinning" | "pinned" | "failed";
        PinCounts: {
            queued: number;
            pinning: number;
            pinned: number;
            failed: number;
        };
        NewAccount: {
            name: string;
        };
        Account: {
            id: string;
            name: string;
            /** @enum {string} */
            state: "active" | "suspended" | "deleting";
            /** Format: date-time */
            created: string;
            pins: components["schemas"]["PinCounts"];
            /** @description How many it has, expired ones too */
            tokens: number;
        };
        Deletion: {
            id: string;
            name: string;
            /** @description How many were removed */
            pins: number;
            /** @description How many were removed */
            tokens: number;
        };
        /** @enum {string} */
        Scope: "pins:read" | "pins:write" | "metrics:read";
        NewToken: {
            /** @description Id or name */
            account: string;
            /**
             * @description What it is for
             * @default default
             */
            name: string;
            /**
             * @default [
             *       "pins:read",
             *       "pins:write"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
            expiresInSeconds?: number;
        };
        Token: {
            id: string;
            /** @description The account's name */
            account: string;
            accountId: string;
            name: string;
            scopes: components["schemas"]["Scope"][];
            /** Format: date-time */
            created: string;
            /** Format: date-time */
            expires?: string;
            expired: boolean;
        };
        NewPin: {
            /** @description Id or name */
            account: string;
            cid: string;
            name?: string;
            origins?: string[];
            meta?: {
                [key: string]: string;
            };
        };
        Reason: {
            code: string;
            text: string;
        };
        Pin: {
            requestId: string;
            /** @description The account's name */
            account: string;
            accountId: string;
            /** @description As it was submitted */
            cid: string;
            name?: string;
            meta?: {
                [key: string]: string;
            };
            status: components["schemas"]["PinStatus"];
            /** Format: date-time */
            created: string;
            reason?: components["schemas"]["Reason"];
            content?: components["schemas"]["Content"];
        };
        /** @description What is known of a CID on this machine, whoever pins it */
        Content: {
            /** @description CIDv1 in base32 */
            cid: string;
            /** @description How many name it */
            pins: number;
            /** @enum {string} */
            hot: "wanted" | "pinned" | "failed" | "releasing";
            /** @enum {string} */
            owner?: "none" | "ours" | "foreign";
            sizeBytes?: number;
            blocks?: number;
            /** @description Fetches that ended without success */
            attempts: number;
            /**
             * Format: date-time
             * @description Not fetched before
             */
            nextAttempt?: string;
            /** @description Of the fetch under way */
            progress?: {
                blocks: number;
                bytes: number;
            };
        };
        PinEvent: {
            /** Format: date-time */
            at: string;
            /** @enum {string} */
            event: "accepted" | "fetching" | "waiting" | "pinned" | "failed" | "retried" | "vanished" | "blocked";
            text: string;
        };
        /** @description attoFIL */
        Atto: string;
        /** @enum {string} */
        DealState: "intended" | "proposed" | "accepted" | "published" | "active" | "expired" | "rejected" | "failed" | "missed" | "lost";
        /**
         * @description Why it is made
         * @enum {string}
         */
        DealReason: "missing" | "expiring" | "lost";
        DealEvent: {
            state: components["schemas"]["DealState"];
            /** Format: date-time */
            at: string;
            epoch: number;
            reason: string;
        };
        Replicas: {
            /** @description Fewer than this is urgent */
            min: number;
            /** @description Deals are made until there are so many */
            target: number;
            /** @description Of which the chain says that they are in a sector */
            active: number;
            /** @description On their way, those included of which it is not known whether they were made */
            pending: number;
        };
        PinDeals: {
            replicas: components["schemas"]["Replicas"];
            next?: components["schemas"]["Reason"];
            /** @description Of the active deals */
            soonestEndEpoch?: number;
            /** Format: date-time */
            soonestEnd?: string;
            deals: components["schemas"]["PinDeal"][];
        };
        PinDeal: {
            id: string;
            provider: string;
            country?: string;
            state: components["schemas"]["DealState"];
            reason: components["schemas"]["DealReason"];
            /**
             * @description It is not known whether it was made; the chain will tell
             * @enum {string}
             */
            outcome?: "unknown";
            pieceCid?: string;
            /** @description Its number on the chain */
            dealId?: number;
            proposalCid: string;
            startEpoch: number;
            /** Format: date-time */
            start?: string;
            endEpoch: number;
            /** Format: date-time */
            end?: string;
            pricePerEpoch: components["schemas"]["Atto"];
            /**
             * Format: date-time
             * @description When the finalized chain was last seen to have it
             */
            lastVerified?: string;
            /**
             * Format: date-time
             * @description When its bytes were last fetched back and found right
             */
            lastRetrieved?: string;
            /** @description Oldest first */
            history: components["schemas"]["DealEvent"][];
        };
        /** @description A deal as the operator sees it */
        Deal: {
            id: string;
            /** @description Id of its piece */
            piece: string;
            pieceCid?: string;
            provider: string;
            country?: string;
            maker: string;
            state: components["schemas"]["DealState"];
            reason: components["schemas"]["DealReason"];
            /** @enum {string} */
            outcome?: "unknown";
            /** @description Id of the deal that it replaces */
            replaces?: string;
            /** Format: date-time */
            created: string;
            dealId?: number;
            proposalCid: string;
            publishCid?: string;
            startEpoch: number;
            /** Format: date-time */
            start?: string;
            endEpoch: number;
            /** Format: date-time */
            end?: string;
            pricePerEpoch: components["schemas"]["Atto"];
            clientCollateral: components["schemas"]["Atto"];
            providerCollateral: components["schemas"]["Atto"];
            verified: boolean;
            cost: components["schemas"]["Atto"];
            /** @description The day, counted from the first epoch, that it was booked on */
            budgetDay: number;
            /** @description How often sending it was begun */
            sends: number;
            /** @description What maker or provider said last */
            said?: string;
            /** @description The chain was first seen without it then */
            suspectSinceEpoch?: number;
            failureDomain: {
                owner: string;
                worker: string;
                beneficiary: string;
                peerId?: string;
                hosts: string[];
            };
            /** @description The finalized chain had it in a sector */
            activeEvidence?: {
                dealId: number;
                sectorStartEpoch: number;
                seenEpoch: number;
                /** Format: date-time */
                at: string;
            };
            /** @description The provider gave the bytes back, and they were right */
            retrievalEvidence?: {
                bytes: number;
                tookMs: number;
                firstByteMs: number;
                seenEpoch: number;
                /** Format: date-time */
                at: string;
            };
            retrievalFailure?: {
                /** Format: date-time */
                at: string;
                epoch: number;
                text: string;
            };
            /** @description When it is looked at again */
            dueEpoch?: number;
            /** @description Oldest first */
            history: components["schemas"]["DealEvent"][];
        };
        Piece: {
            id: string;
            policy: string;
            /** @enum {string} */
            state: "sealed" | "built" | "retired";
            /** Format: date-time */
            created: string;
            /** @description How many share it */
            contents: number;
            /** @description How many of them nobody pins any more */
            gone: number;
            /** @description Of its contents together */
            bytes: number;
            rootCid?: string;
            pieceCid?: string;
            carBytes?: number;
            /** @description With padding */
            pieceBytes?: number;
            /** @description In a row */
            buildFailures?: number;
            replicas: components["schemas"]["Replicas"];
            soonestEndEpoch?: number;
            /** Format: date-time */
            soonestEnd?: string;
            next: components["schemas"]["Reason"];
            /** @description When it is looked at again, and by which loop */
            due?: {
                /** @enum {string} */
                queue: "create" | "renew";
                epoch: number;
                /** Format: date-time */
                at?: string;
            };
            deals: components["schemas"]["Deal"][];
        };
        Explanation: {
            pin: components["schemas"]["Pin"];
            /** @description `none` when no deals are made */
            maker: string;
            held?: components["schemas"]["Reason"];
            headEpoch?: number;
            /** @description The content waits for a piece */
            waiting?: {
                policy: string;
                /** Format: date-time */
                since: string;
                /**
                 * Format: date-time
                 * @description When its piece is closed at the latest, unless there is a reason against it
                 */
                until: string;
                reason?: components["schemas"]["Reason"];
            };
            pieces: components["schemas"]["Piece"][];
        };
        Plan: {
            /** @description Contents that no piece has yet, by policy */
            waiting: {
                policy: string;
                /** @description That wait for enough to share a piece */
                contents: number;
                /** @description Of them together */
                bytes: number;
                /**
                 * Format: date-time
                 * @description When their piece is closed at the latest
                 */
                closed?: string;
                /** @description With so many together, it is closed at once */
                enoughBytes?: number;
                /** @description That cannot join one as things are, such as those that are too large */
                unfit: number;
            }[];
            held?: components["schemas"]["Reason"];
            budget: components["schemas"]["Budget"];
            cost: components["schemas"]["Atto"];
            /** @description There are further steps */
            more: boolean;
            steps: components["schemas"]["PlannedStep"][];
        };
        PlannedStep: {
            /** @description Its id */
            piece: string;
            contents: number;
            /** @description CIDs of the first few contents */
            sample: string[];
            /** @enum {string} */
            kind: "propose" | "build" | "wait";
            reason: components["schemas"]["Reason"];
            provider?: string;
            cost?: components["schemas"]["Atto"];
            startEpoch?: number;
            /** Format: date-time */
            start?: string;
            endEpoch?: number;
            /** Format: date-time */
            end?: string;
        };
        Budget: {
            /** @description Counted from the first epoch */
            day: number;
            perDay: components["schemas"]["Atto"];
            committed: components["schemas"]["Atto"];
        };
        Provider: {
            id: string;
            /** @description Whether the config names it */
            trusted: boolean;
            country?: string;
            suspended?: {
                text: string;
                /** Format: date-time */
                at: string;
            };
            chain?: {
                owner: string;
                worker: string;
                beneficiary: string;
                peerId?: string;
                hosts: string[];
                sectorBytes: number;
            };
            /** @description Prices are per GiB of piece and epoch */
            ask?: {
                price: components["schemas"]["Atto"];
                verifiedPrice: components["schemas"]["Atto"];
                minPieceBytes: number;
                maxPieceBytes: number;
                expiryEpoch: number;
            };
            refreshedEpoch?: number;
            /** Format: date-time */
            refreshed?: string;
            /** @description Why it could not be read the last time */
            unreachable?: string;
            /** @description Not asked for a deal before, because of what it did */
            notBeforeEpoch?: number;
            /** Format: date-time */
            notBefore?: string;
            failuresInRow: number;
            score: number;
            scoreReasons: string[];
            liveDeals: number;
            /** @description Oldest first */
            events: {
                /** @enum {string} */
                kind: "accepted" | "active" | "verified" | "refused" | "missed" | "lost" | "retrieval_failed" | "unreachable" | "not_allowed";
                /** Format: date-time */
                at: string;
                epoch: number;
                text: string;
            }[];
        };
        NewNote: {
            /**
             * @description Why, for whoever asks later
             * @default
             */
            text: string;
        };
        /** @description Why nothing is spent until the operator says so */
        Breaker: {
            /** @enum {string} */
            by: "operator" | "fbpd";
            /** @enum {string} */
            code: "frozen" | "losses" | "ledger" | "store_older" | "spend_log";
            text: string;
            /** Format: date-time */
            at: string;
        };
        /** @description The cold layer; nothing but `maker` when that is `none` */
        ColdStatus: {
            /** @description `none` when no deals are made */
            maker: string;
            held?: components["schemas"]["Reason"];
            breaker?: components["schemas"]["Breaker"];
            /** @description As it was seen last */
            chain?: {
                network: string;
                headEpoch: number;
                finalizedEpoch: number;
                /** @description How far the head lies behind the clock, where that can be said */
                behindSeconds?: number;
                /**
                 * Format: date-time
                 * @description When it was looked at
                 */
                at: string;
            };
            /** @description Of the wallet that pays */
            funds?: {
                address: string;
                wallet: components["schemas"]["Atto"];
                escrow: components["schemas"]["Atto"];
                locked: components["schemas"]["Atto"];
            };
            budget?: components["schemas"]["Budget"];
            /** @description How many, by state */
            deals?: {
                [key: string]: number;
            };
            unknownDeals?: number;
            /** @description How many, by state */
            pieces?: {
                [key: string]: number;
            };
            committed?: components["schemas"]["Atto"];
        };
        NewBlock: {
            /**
             * @description Why, for whoever asks later
             * @default
             */
            note: string;
        };
        Block: {
            /** @description CIDv1 in base32 */
            cid: string;
            note: string;
            /** Format: date-time */
            at: string;
        };
        CheckLine: {
            /** @description Read so far */
            records: number;
            done: boolean;
            /** @description On the last line, a sentence for each thing that is wrong */
            problems?: string[];
        };
        Pass: {
            due: number;
            done: number;
            failed: number;
            /** @description How many were left alone, by reason */
            skipped: {
                [key: string]: number;
            };
        };
        Status: {
            version: string;
            /** @description Version of Node */
            node: string;
            pid: number;
            /** Format: date-time */
            started: string;
            /** @description Where the pinning API listens */
            endpoint: string;
            /** @description The config file */
            config: string;
            stateDir: string;
            cacheDir: string;
            accounts: number;
            pins: components["schemas"]["PinCounts"];
            /** @description Fetches under way */
            fetching: number;
            held?: components["schemas"]["Reason"];
            hot: {
                up: boolean;
                /** @description What is wrong, or the version that runs */
                detail: string;
                peerId?: string;
                addresses: string[];
                repoBytes?: number;
                capacityBytes?: number;
            };
            cold: components["schemas"]["ColdStatus"];
            /** @description Records by type */
            store: {
                [key: string]: number;
            };
            disk: {
                freeBytes: number;
                minFreeBytes: number;
            };
            reconcilers: string[];
        };
    };
    responses: {
        /** @description Why not */
        Failure: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
    };
    parameters: {
        /** @description Its id or its name */
        accountInPath: string;
        /** @description Id or name of an account; without it, all */
        account: string;
        requestId: string;
        /** @description Its id, as f01234 */
        provider: string;
    };
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getPinDeals: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many there are of how many wanted, what happens next, and every deal, oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PinDeals"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its version, addresses, pins, hot tier, store and disk */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listAccounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with what it holds */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accounts: components["schemas"]["Account"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    addAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAccount"];
            };
        };
        responses: {
            /** @description The account */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    deleteAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What went */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deletion"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    suspendAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unsuspendAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description Id or name of an account; without it, all */
                account?: components["parameters"]["account"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Never their secrets, which nobody has but who was given them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        tokens: components["schemas"]["Token"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description The token with its secret, which is shown this once */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        token: components["schemas"]["Token"];
                        secret: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The token that was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listPins: {
        parameters: {
            query?: {
                /** @description Id or name of an account; without it, all */
                account?: components["parameters"]["account"];
                /** @description In any version and multibase */
                cid?: string;
                status?: components["schemas"]["PinStatus"][];
                name?: string;
                /** @description How `name` is compared */
                match?: "exact" | "iexact" | "partial" | "ipartial";
                /** @description Strictly before */
                before?: string;
                /** @description Strictly after */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page, and how many match in all */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        count: number;
                        pins: components["schemas"]["Pin"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    addPin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPin"];
            };
        };
        responses: {
            /** @description The pin; it is on disk */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    removePin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin that was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    retryPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPinLog: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        events: components["schemas"]["PinEvent"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    explainPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin, the pieces its content is in, and their deals */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listDeals: {
        parameters: {
            query?: {
                state?: components["schemas"]["DealState"][];
                /** @description With `true`, only those of which it is not known whether they were made */
                unknown?: "true";
                provider?: string;
                /** @description Id of a piece */
                piece?: string;
                /** @description Of a content, in any version and multibase */
                cid?: string;
                /** @description `next` of the page before */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        deals: components["schemas"]["Deal"][];
                        /** @description There is more: give this as `after` */
                        next?: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getDeal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                deal: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The deal */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deal"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPlan: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The steps, most urgent first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listProviders: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with what it asks, what it did, and its score */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        providers: components["schemas"]["Provider"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    askProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The provider as it is by now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    suspendProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewNote"];
            };
        };
        responses: {
            /** @description The provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unsuspendProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    freeze: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewNote"];
            };
        };
        responses: {
            /** @description What holds now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Breaker"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unfreeze: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What held until now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Breaker"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listBlocks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with its note */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        blocks: components["schemas"]["Block"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    blockContent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewBlock"];
            };
        };
        responses: {
            /** @description How many pins failed by it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description CIDv1 in base32 */
                        cid: string;
                        pins: number;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unblockContent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description CIDv1 in base32 */
                        cid: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    checkStore: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["CheckLine"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    reconcile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which; an unknown name is answered with all there are */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the pass did */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pass"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
}
